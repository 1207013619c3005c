package io.anchor4j.benchmarks;

import java.util.Arrays;

/**
 * The seconds of a call, round by round.
 *
 * @param rounds the median call of each round
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Timing(double[] rounds) {

  /** Returns the median round. */
  double seconds() {
    return median(rounds);
  }

  /** Returns how many times as long this takes as another, by the rounds that both took part in. */
  public Ratio over(Timing other) {
    double[] ratios = new double[Math.min(rounds.length, other.rounds.length)];
    for (int r = 0; r < ratios.length; r++) {
      ratios[r] = rounds[r] / other.rounds[r];
    }
    return new Ratio(
        median(ratios), Arrays.stream(ratios).min().orElseThrow(), max(ratios), ratios.length);
  }

  private static double max(double[] values) {
    return Arrays.stream(values).max().orElseThrow();
  }

  /** Returns the middle value, or the mean of the two in the middle. */
  public static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** The median of a ratio over rounds, with its range. */
  public record Ratio(double median, double low, double high, int rounds) {
    @Override
    public String toString() {
      return rounds == 1
          ? "%.2fx".formatted(median)
          : "%.2fx (%.2f-%.2f)".formatted(median, low, high);
    }
  }
}
