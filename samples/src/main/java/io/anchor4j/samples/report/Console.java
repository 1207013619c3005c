package io.anchor4j.samples.report;

import java.io.PrintWriter;

/**
 * The two streams of a command: results on one, everything a person follows on the other.
 *
 * @param out results
 * @param err notes and progress
 * @param terminal whether a person watches {@code err}, so that a line may be redrawn
 */
public record Console(PrintWriter out, PrintWriter err, boolean terminal) {
  /** Prints one line of the result. */
  public void result(String line) {
    out.println(line);
  }

  /** Prints one line for the person who waits. */
  public void note(String line) {
    err.println(line);
  }

  /**
   * Starts showing the progress of a task.
   *
   * @param task one or two words
   * @param done how many of its steps were done before
   * @param steps how many steps it has
   */
  public Progress progress(String task, long done, long steps) {
    return terminal
        ? new ProgressBarLine(this, task, done, steps)
        : new PlainLines(this, task, done, steps);
  }
}
