package io.anchor4j.benchmarks;

/** A part of the report, which can be run alone. */
interface Section {

  /** What {@code --only} calls it. */
  String name();

  /** Measures, and returns the part as Markdown, its heading included. */
  String run(PairedRun how);
}
