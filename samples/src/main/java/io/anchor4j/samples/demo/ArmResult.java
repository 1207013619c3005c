package io.anchor4j.samples.demo;

/**
 * What one model came to.
 *
 * @param name of the attention it was extended under, or what it is before
 * @param seconds of its extension: the median step times the number of steps; 0 for none
 * @param tokensPerSecond of its extension, the median of its steps
 * @param perplexities on the long validation rows: of each of {@link Buckets}, then of all tokens
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record ArmResult(String name, double seconds, double tokensPerSecond, double[] perplexities) {

  boolean extended() {
    return seconds > 0;
  }

  /** Returns the perplexity at the places farthest from the start. */
  double farthest() {
    return perplexities[Buckets.COUNT - 1];
  }
}
