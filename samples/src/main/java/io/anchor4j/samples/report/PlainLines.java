package io.anchor4j.samples.report;

import java.time.Duration;

/** Progress for a log file or a pipe: a line at the start, at the end and now and then between. */
final class PlainLines implements Progress {
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(15);

  private final Console console;
  private final String task;
  private final long doneBefore;
  private final long steps;
  private final long start = System.nanoTime();
  private long lastLine = start;

  PlainLines(Console console, String task, long doneBefore, long steps) {
    this.console = console;
    this.task = task;
    this.doneBefore = doneBefore;
    this.steps = steps;
  }

  @Override
  public void step(long done, String figures) {
    long now = System.nanoTime();
    if (done > doneBefore + 1 && done < steps && now - lastLine < BETWEEN_LINES.toNanos()) {
      return;
    }
    lastLine = now;
    var line = new StringBuilder(task + " " + done + "/" + steps);
    if (!figures.isEmpty()) {
      line.append(", ").append(figures);
    }
    if (done > doneBefore && done < steps) {
      long left = (long) ((now - start) / (double) (done - doneBefore) * (steps - done));
      line.append(", ").append(Durations.text(Duration.ofNanos(left))).append(" left");
    }
    console.note(line.toString());
  }

  @Override
  public void close() {
    console.err().flush();
  }
}
