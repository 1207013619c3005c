package io.anchor4j.samples.cli;

import io.anchor4j.data.PackedRow;
import io.anchor4j.samples.report.Console;
import java.time.Duration;
import java.util.Iterator;

/**
 * Says now and then how many rows have passed: how many there will be is known only at the end of
 * the file.
 */
final class NotedRows implements Iterator<PackedRow> {
  private static final long BETWEEN_NOTES = Duration.ofSeconds(15).toNanos();

  private final Iterator<PackedRow> rows;
  private final Console console;
  private long count;
  private long lastNote = System.nanoTime();

  NotedRows(Iterator<PackedRow> rows, Console console) {
    this.rows = rows;
    this.console = console;
  }

  @Override
  public boolean hasNext() {
    return rows.hasNext();
  }

  @Override
  public PackedRow next() {
    long now = System.nanoTime();
    if (now - lastNote >= BETWEEN_NOTES) {
      lastNote = now;
      console.note(count + " rows ...");
    }
    count++;
    return rows.next();
  }
}
