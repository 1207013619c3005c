package io.anchor4j.samples.cli;

import io.anchor4j.data.BadLines;
import io.anchor4j.data.SkippedLines;
import io.anchor4j.samples.report.Console;
import picocli.CommandLine.Option;

/** The option of every verb that reads JSON Lines: what to do with a line that cannot be used. */
final class BadLinesOption {
  private final SkippedLines skipped = new SkippedLines();

  @Option(
      names = "--skip-bad-lines",
      description = "Count and report lines that cannot be used, instead of stopping at the first.")
  private boolean skip;

  BadLines badLines() {
    return skip ? skipped : BadLines.refuse();
  }

  /** Returns how many lines were skipped. */
  long skipped() {
    return skipped.count();
  }

  /** Returns where and why a line was first skipped; there must be one. */
  String firstSkipped() {
    return skipped.first().get(0).getMessage();
  }

  /** Tells how many lines were skipped, and why the first of them. */
  void report(Console console) {
    if (skipped.count() > 0) {
      console.note(skipped.describe());
    }
  }
}
