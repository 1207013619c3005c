package io.anchor4j.samples.cli;

import io.anchor4j.decoder.DecoderConfig;

/** An estimate of what training holds in memory, in float32 numbers. */
final class TrainingMemory {
  /** A parameter, its gradient and the two moments of AdamW. */
  static final int VALUES_PER_PARAMETER = 4;

  private TrainingMemory() {}

  /**
   * Returns how many numbers a token of a row takes while a step is made: what each layer puts out,
   * which DL4J keeps until the backward pass, what the feed-forward part keeps inside, and as much
   * again for gradients and scratch. Nothing grows with the square of the row.
   *
   * <p>For 6 layers of 512 channels this says 422 MiB for 1,024 tokens; from rows of 1,024 to rows
   * of 2,048 the process grew by 387 MiB.
   */
  static long valuesPerToken(DecoderConfig config) {
    long channels = config.hiddenSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.kvHeads() * config.headDim();
    long headNorms = config.blocks().queryKeyNorm() ? queries + keys : 0;
    // norm, q, k, v, out, sum
    long attention = channels + 2 * queries + 2 * keys + headNorms + 2 * channels;
    long feedForward = 3 * channels + 3L * config.intermediateSize(); // norm, gate, up, down, sum
    return 2 * (config.layers() * (attention + feedForward) + 2 * channels);
  }
}
