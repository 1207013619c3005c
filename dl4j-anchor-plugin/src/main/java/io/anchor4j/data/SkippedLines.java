package io.anchor4j.data;

import java.util.ArrayList;
import java.util.List;

/** Lets bad lines be skipped, counts them, and keeps the first few for a report. */
public final class SkippedLines implements BadLines {
  private static final int KEPT = 10;

  private final List<BadLineException> first = new ArrayList<>();
  private long count;

  @Override
  public void accept(BadLineException badLine) {
    count++;
    if (first.size() < KEPT) {
      first.add(badLine);
    }
  }

  /** Returns how many lines were skipped. */
  public long count() {
    return count;
  }

  /** Returns the first skipped lines, ten at most. */
  public List<BadLineException> first() {
    return List.copyOf(first);
  }

  /** Returns one line of text for the count and one for each of the first skipped lines. */
  public String describe() {
    StringBuilder text = new StringBuilder("bad lines skipped: ").append(count);
    for (BadLineException badLine : first) {
      text.append("\n  ").append(badLine.getMessage());
    }
    if (count > first.size()) {
      text.append("\n  and ").append(count - first.size()).append(" more");
    }
    return text.toString();
  }
}
