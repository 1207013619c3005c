package io.anchor4j.samples.cli;

import io.anchor4j.decoder.DecoderConfig;

/** An estimate of what training holds in memory, in float32 numbers. */
final class TrainingMemory {
  /** A parameter, its gradient and the two moments of AdamW. */
  static final int VALUES_PER_PARAMETER = 4;

  private TrainingMemory() {}

  /**
   * Returns how many numbers a token of a row leaves between forward and backward: what each layer
   * puts out, which DL4J keeps until the backward pass, and as much again for what the feed-forward
   * part keeps inside. Nothing grows with the square of the row.
   */
  static long valuesPerToken(DecoderConfig config) {
    long channels = config.hiddenSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.kvHeads() * config.headDim();
    long attention = channels + 2 * queries + 2 * keys + 2 * channels; // norm, q, k, v, out, sum
    long feedForward = 3 * channels + 3L * config.intermediateSize(); // norm, gate, up, down, sum
    return config.layers() * (attention + feedForward) + 2 * channels;
  }
}
