package io.anchor4j.samples.report;

import java.time.Duration;

/** Writes a duration for a person. */
public final class Durations {
  private Durations() {}

  /** Returns, for example, "42s", "3m 07s" or "2h 05m". */
  public static String text(Duration duration) {
    long seconds = Math.round(duration.toMillis() / 1000.0);
    if (seconds < 60) {
      return seconds + "s";
    }
    return seconds < 3600
        ? "%dm %02ds".formatted(seconds / 60, seconds % 60)
        : "%dh %02dm".formatted(seconds / 3600, seconds % 3600 / 60);
  }
}
