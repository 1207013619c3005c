package io.anchor4j.benchmarks.work;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.rotary.RotaryConfig;

/**
 * A training step of a small Llama on one row: loss, gradients, clipping at norm 1, AdamW.
 *
 * @param documents the ids of the row
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record TrainingWork(
    Precision precision,
    int vocabulary,
    int hidden,
    int intermediate,
    int layers,
    int heads,
    int kvHeads,
    int tokens,
    AttentionMask mask,
    int[] documents)
    implements Work {

  /** Returns a step of eight layers of 512 channels, grouped 8:4, on a row of those documents. */
  public static TrainingWork smallLlama(Precision precision, AttentionMask mask, int[] documents) {
    return new TrainingWork(precision, 8192, 512, 1408, 8, 8, 4, documents.length, mask, documents);
  }

  /** Returns the row. */
  @JsonProperty("tokenIds")
  public int[] tokenIds() {
    int[] ids = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      ids[t] = (int) (t * 2_654_435_761L % vocabulary);
    }
    return ids;
  }

  /** Returns the architecture, its embeddings tied. */
  public DecoderConfig decoder() {
    return new DecoderConfig(
        vocabulary,
        hidden,
        intermediate,
        layers,
        heads,
        kvHeads,
        hidden / heads,
        /* rmsNormEpsilon= */ 1e-6,
        tokens,
        /* tiedEmbeddings= */ true,
        /* initializerRange= */ 0.02,
        BlockOptions.PLAIN,
        AttentionConfig.DEFAULT
            .withMask(mask)
            .withRotary(RotaryConfig.of(10_000))
            .withPrecision(precision));
  }

  /** Three times the products of a forward pass, and attention's as AttentionWork counts them. */
  @Override
  public double operations() {
    double block =
        (double) hidden * hidden * 2
            + 2.0 * hidden * hidden * kvHeads / heads
            + 3.0 * hidden * intermediate;
    double linear = 3 * 2.0 * tokens * (layers * block + (double) hidden * vocabulary);
    double attention = 14.0 * layers * hidden * Documents.visiblePairs(mask, documents);
    return linear + attention;
  }

  @Override
  public long totalTokens() {
    return tokens;
  }

  @Override
  public String label() {
    int count = Documents.count(documents);
    return "training step, T %d%s".formatted(tokens, count == 1 ? "" : ", " + count + " documents");
  }
}
