package io.anchor4j.training;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

/**
 * The learning rate of every update of a run, with the phases of transformers' schedules: update s
 * of N (from 0) has {@code s / w} of the peak during warm-up, and beyond it decays with the
 * progress {@code (s - w) / (N - w)}. So the first update of a run with a warm-up has rate 0, and
 * no update has the final rate itself, which would be that of update N.
 *
 * @param type the form of the decay
 * @param peak the rate at the end of the warm-up, at least 0
 * @param steps N, the updates of the whole run, at least 1
 * @param warmupSteps w, at least 0; where it is not below N, the run ends during its warm-up
 * @param finalRatio the share of the peak that the decay ends at, from 0 to 1; a constant rate has
 *     no decay and does not use it
 */
public record LearningRateSchedule(
    Type type, double peak, long steps, long warmupSteps, double finalRatio) {

  /** How the rate goes from the peak to its end. */
  public enum Type {
    /** It stays. */
    CONSTANT,
    /** In a straight line. */
    LINEAR,
    /** Along half a period of the cosine. */
    COSINE
  }

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public LearningRateSchedule {
    checkNotNull(type, "type");
    checkArgument(
        peak >= 0 && peak < Double.POSITIVE_INFINITY,
        "learning rate must be a finite number of at least 0, got %s",
        peak);
    checkArgument(steps >= 1, "steps must be at least 1, got %s", steps);
    checkArgument(warmupSteps >= 0, "warmupSteps must be at least 0, got %s", warmupSteps);
    checkArgument(
        finalRatio >= 0 && finalRatio <= 1, "finalRatio must be from 0 to 1, got %s", finalRatio);
  }

  /**
   * Returns the rate of an update.
   *
   * @param update counts from 0
   */
  public double rate(long update) {
    if (update < warmupSteps) {
      return peak * ((double) update / warmupSteps);
    }
    double progress = (double) (update - warmupSteps) / Math.max(1, steps - warmupSteps);
    double decayed =
        switch (type) {
          case CONSTANT -> 1;
          case LINEAR -> towardsFinal(Math.max(0, 1 - progress));
          case COSINE -> towardsFinal(0.5 * (1 + Math.cos(Math.PI * progress)));
        };
    return peak * decayed;
  }

  /** Returns whether every update has a rate below the peak, the warm-up being too long. */
  boolean endsDuringWarmup() {
    return warmupSteps >= steps;
  }

  private double towardsFinal(double remaining) {
    return remaining * (1 - finalRatio) + finalRatio;
  }
}
