package io.anchor4j.samples.demo;

import java.time.Duration;

/**
 * Turns minutes into steps, once it is known how long a step takes on this machine.
 *
 * @param minutes for the whole demo
 */
record DemoBudget(double minutes, long startNanos) {
  /** The share of what is left, once the data is ready, that goes into the short phase. */
  private static final double SHORT_SHARE = 0.45;

  /** The share of what is left after the short phase that goes into the three long ones. */
  private static final double LONG_SHARE = 0.85;

  /** Fewer steps than this show nothing, however little time there is. */
  private static final int FEWEST_STEPS = 5;

  private static final int FEWEST_ROWS = 16;
  private static final int MOST_ROWS = 64;

  /** A row that is only scored takes about a third of the time of one that is trained on. */
  private static final double SCORE_SHARE = 1.0 / 3;

  static DemoBudget starting(double minutes) {
    return new DemoBudget(minutes, System.nanoTime());
  }

  Duration elapsed() {
    return Duration.ofNanos(System.nanoTime() - startNanos);
  }

  private double secondsLeft() {
    return Math.max(0, 60 * minutes - elapsed().toMillis() / 1e3);
  }

  int shortSteps(double secondsPerStep) {
    return steps(SHORT_SHARE * secondsLeft() / secondsPerStep);
  }

  /** Steps for each of {@code arms} extensions, none of which takes longer than the one timed. */
  int longSteps(double secondsPerStep, int arms) {
    return steps(LONG_SHARE * secondsLeft() / arms / secondsPerStep);
  }

  /**
   * How many rows each of {@code models} models can be scored on.
   *
   * @param secondsPerRow of training
   */
  int validationRows(double secondsPerRow, int models) {
    double seconds = (1 - LONG_SHARE) / 2 * secondsLeft(); // the other half is for what surprises
    return (int)
        Math.max(
            FEWEST_ROWS, Math.min(MOST_ROWS, seconds / models / (SCORE_SHARE * secondsPerRow)));
  }

  private static int steps(double steps) {
    return (int) Math.max(FEWEST_STEPS, steps);
  }
}
