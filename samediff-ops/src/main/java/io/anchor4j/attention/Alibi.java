package io.anchor4j.attention;

/**
 * Attention with linear biases: each head subtracts its slope times the distance of two tokens.
 *
 * <p>The distance is that of the tokens' integer positions, formed before any rounding, so near
 * tokens never share a bias as they do when positions are held in bfloat16.
 *
 * @see <a href="https://arxiv.org/abs/2108.12409">Press et al. 2022</a>
 */
public final class Alibi {
  private Alibi() {}

  /**
   * Returns the slope of each head: {@code 2^(-8i/n)} for a power of two n, and for other counts
   * those of the power of two below followed by every other slope of the one above, as published.
   */
  public static double[] slopes(int heads) {
    int power = Integer.highestOneBit(heads);
    var slopes = new double[heads];
    for (int h = 0; h < power; h++) {
      slopes[h] = Math.pow(2, -8.0 * (h + 1) / power);
    }
    for (int h = power; h < heads; h++) {
      slopes[h] = Math.pow(2, -8.0 * (2 * (h - power) + 1) / (2 * power));
    }
    return slopes;
  }

  /** Returns what is added to a scaled score. Non-causal attention takes the distance both ways. */
  public static double bias(double slope, int queryPosition, int keyPosition) {
    return -slope * Math.abs((long) queryPosition - keyPosition);
  }
}
