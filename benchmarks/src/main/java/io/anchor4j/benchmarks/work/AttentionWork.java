package io.anchor4j.benchmarks.work;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Attention of [B, H, T, D] heads, scaled by 1/sqrt(D), without rotation.
 *
 * @param type of all arrays
 * @param causal whether a token sees no later one
 * @param documents the ids of each row, all rows alike, or null for one document
 * @param backward whether the gradients of query, key and value are computed too
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record AttentionWork(
    DataType type,
    Precision precision,
    int batch,
    int heads,
    int kvHeads,
    int tokens,
    int headDim,
    boolean causal,
    AttentionMask mask,
    int[] documents,
    boolean backward)
    implements Work {

  /** Returns causal attention over one document, as many key/value heads as query heads. */
  public static AttentionWork causal(
      DataType type, int batch, int heads, int tokens, int headDim, boolean backward) {
    Precision precision = type == DataType.BFLOAT16 ? Precision.BFLOAT16 : Precision.FLOAT32;
    return new AttentionWork(
        type,
        precision,
        batch,
        heads,
        heads,
        tokens,
        headDim,
        true,
        AttentionMask.FULL,
        null,
        backward);
  }

  /** Returns this work at another precision. */
  public AttentionWork withPrecision(Precision precision) {
    return new AttentionWork(
        type, precision, batch, heads, kvHeads, tokens, headDim, causal, mask, documents, backward);
  }

  /** Returns this work on packed documents. */
  public AttentionWork withDocuments(AttentionMask mask, int[] documents) {
    return new AttentionWork(
        type, precision, batch, heads, kvHeads, tokens, headDim, causal, mask, documents, backward);
  }

  /** Returns this work with every token seeing every token. */
  public AttentionWork withoutCausality() {
    return new AttentionWork(
        type, precision, batch, heads, kvHeads, tokens, headDim, false, mask, documents, backward);
  }

  /** Returns what the op is told. */
  public AttentionConfig config() {
    return AttentionConfig.DEFAULT.withMask(mask).withCausal(causal).withPrecision(precision);
  }

  /** Returns how many pairs of query and key of one row see each other. */
  public long visiblePairs() {
    if (!causal) {
      return (long) tokens * tokens;
    }
    return documents == null ? tokens * (tokens + 1L) / 2 : Documents.visiblePairs(mask, documents);
  }

  /** Two products forward, five more backward, one of which goes through the scores again. */
  @Override
  public double operations() {
    int products = backward ? 2 + 5 : 2;
    return 2.0 * products * batch * heads * visiblePairs() * headDim;
  }

  @Override
  public long totalTokens() {
    return (long) batch * tokens;
  }

  @Override
  public String label() {
    return "B %d, H %d, T %d, D %d, %s"
        .formatted(batch, heads, tokens, headDim, backward ? "forward + backward" : "forward");
  }
}
