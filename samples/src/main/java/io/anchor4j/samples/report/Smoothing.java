package io.anchor4j.samples.report;

/** Averages that show the trend under a noisy curve. */
final class Smoothing {
  /** A value's weight halves over this share of the run: enough to calm, too little to mislead. */
  private static final double HALF_LIFE_SHARE = 0.015;

  /** In steps, for short runs. */
  private static final double SHORTEST_HALF_LIFE = 3;

  private Smoothing() {}

  /**
   * Returns an average around each value, weights falling off exponentially on both sides. Looking
   * back alone would draw a falling loss later than it fell.
   */
  static double[] exponential(double[] values) {
    int count = values.length;
    double halfLife = Math.max(SHORTEST_HALF_LIFE, HALF_LIFE_SHARE * count);
    double keep = Math.pow(0.5, 1 / halfLife);
    var sums = new double[count];
    var weights = new double[count];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < count; i++) {
      sum = keep * sum + values[i];
      weight = keep * weight + 1;
      sums[i] = sum;
      weights[i] = weight;
    }
    sum = 0;
    weight = 0;
    var smooth = new double[count];
    for (int i = count - 1; i >= 0; i--) {
      smooth[i] = (sums[i] + sum) / (weights[i] + weight); // value i is in sums[i] alone
      sum = keep * (sum + values[i]);
      weight = keep * (weight + 1);
    }
    return smooth;
  }
}
