package io.anchor4j.samples.demo;

/**
 * What one model came to.
 *
 * @param name of the attention it was extended under, or what it is before
 * @param steps of its extension, 0 for none
 * @param seconds that its extension took
 * @param tokensPerSecond of its extension, the median of its steps
 * @param perplexities on the long validation rows: of each bucket of places, then of all tokens
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record ArmResult(
    String name, int steps, double seconds, double tokensPerSecond, double[] perplexities) {

  int buckets() {
    return perplexities.length - 1;
  }

  double perplexity() {
    return perplexities[buckets()];
  }

  double lastPerplexity() {
    return perplexities[buckets() - 1];
  }
}
