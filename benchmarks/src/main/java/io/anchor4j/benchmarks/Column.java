package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.work.Work;
import java.util.function.Function;

/**
 * A column of a table of cases.
 *
 * @param text of a case, of which the entries at {@code needs} were measured
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Column(String title, int[] needs, Function<CaseResult, String> text) {
  private static final String MISSING = "-";

  String of(CaseResult result) {
    return result.has(needs) ? text.apply(result) : MISSING;
  }

  static Column milliseconds(String title, int entry) {
    return new Column(
        title + " ms", new int[] {entry}, result -> number(1e3 * result.timing(entry).seconds()));
  }

  static Column gigaflops(String title, int entry) {
    return new Column(
        title + " GFLOP/s", new int[] {entry}, result -> number(result.gigaflops(entry)));
  }

  static Column tokensPerSecond(String title, int entry) {
    return new Column(
        title + " tokens/s",
        new int[] {entry},
        result -> {
          Work work = result.entry(entry).work();
          return number(work.totalTokens() / result.timing(entry).seconds());
        });
  }

  /** The share of the machine's peak that an entry reaches with useful operations. */
  static Column shareOfPeak(Peak peak, int entry) {
    return new Column(
        "of peak",
        new int[] {entry},
        result -> {
          double possible = peak.gigaflops(result.entry(entry).work().precision());
          return possible > 0 ? percent(result.gigaflops(entry) / possible) : MISSING;
        });
  }

  /** How many times as long one entry takes as another. */
  static Column ratio(String title, int slow, int fast) {
    return new Column(
        title,
        new int[] {slow, fast},
        result -> result.timing(slow).over(result.timing(fast)).toString());
  }

  /** The rate of useful operations of one entry, as a share of another's. */
  static Column relativeRate(String title, int entry, int of) {
    return new Column(
        title,
        new int[] {entry, of},
        result -> {
          double operations =
              result.entry(entry).work().operations() / result.entry(of).work().operations();
          return percent(operations * result.timing(of).over(result.timing(entry)).median());
        });
  }

  static String percent(double share) {
    return "%.0f %%".formatted(100 * share);
  }

  /** Returns three digits or more, as few as that takes. */
  static String number(double value) {
    if (value >= 100) {
      return "%,.0f".formatted(value);
    }
    return value >= 10 ? "%.1f".formatted(value) : "%.2f".formatted(value);
  }
}
