package io.anchor4j.training;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.rotary.RotaryConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.graph.ComputationGraph;

/** A decoder that trains in milliseconds, and rows for it. */
final class TinyDecoder {
  static final int VOCABULARY = 17;
  static final int TOKENS = 12;

  private TinyDecoder() {}

  static ComputationGraph create(long seed) {
    return create(seed, 8);
  }

  static ComputationGraph create(long seed, int hiddenSize) {
    var attention =
        AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR).withRotary(RotaryConfig.of(10_000));
    return Decoder.create(
        new DecoderConfig(
            VOCABULARY,
            hiddenSize,
            12,
            2,
            2,
            1,
            4,
            1e-5,
            TOKENS,
            true,
            0.2,
            BlockOptions.PLAIN,
            attention),
        seed);
  }

  /** Rows of one to three documents, from nearly empty to full: they differ in their targets. */
  static PackedDataset rows(int count, long seed) {
    Random random = new Random(seed);
    List<PackedRow> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int used = 4 + random.nextInt(TOKENS - 3);
      int[] tokens = new int[TOKENS];
      int[] documents = new int[TOKENS];
      for (int t = 0; t < TOKENS; t++) {
        tokens[t] = t < used ? random.nextInt(VOCABULARY) : 0;
        documents[t] = t >= used ? -1 : t == 0 ? 0 : 1 + 3 * (t - 1) / TOKENS;
      }
      rows.add(new PackedRow(tokens, documents));
    }
    return PackedDataset.of(rows);
  }

  static PackedIterator batches(PackedDataset rows, int batchSize) {
    return new PackedIterator.Builder(rows).batchSize(batchSize).endless().build();
  }

  /** Settings of ten steps, clipped in some of them. */
  static RunConfig.Training settings(int gradientAccumulation) {
    return new RunConfig.Training(
        10,
        2,
        gradientAccumulation,
        1e-2,
        new RunConfig.Schedule(LearningRateSchedule.Type.COSINE, 2, 0.1),
        new RunConfig.Adamw(0.9, 0.95, 1e-8, 0.1),
        1.0,
        0,
        4,
        2,
        false);
  }
}
