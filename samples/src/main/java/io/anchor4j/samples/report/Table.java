package io.anchor4j.samples.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A small table for the terminal and for Markdown: first column words, the others numbers. */
public final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  /** A table with these column titles. */
  public Table(List<String> titles) {
    rows.add(List.copyOf(titles));
  }

  /**
   * Adds a row.
   *
   * @throws IllegalArgumentException if it has not one cell for each title
   */
  public Table row(List<String> cells) {
    if (cells.size() != rows.get(0).size()) {
      throw new IllegalArgumentException(
          "a row of " + cells.size() + " cells in a table of " + rows.get(0).size() + " columns");
    }
    rows.add(List.copyOf(cells));
    return this;
  }

  /** Returns the table with its columns lined up, a line under the titles. */
  public String toText() {
    int[] widths = widths();
    var lines = rows.stream().map(row -> line(row, widths, "  ")).collect(Collectors.toList());
    lines.add(1, "-".repeat(lines.get(0).length()));
    return String.join("\n", lines);
  }

  /** Returns the table in Markdown. */
  public String toMarkdown() {
    int[] widths = widths();
    var lines =
        rows.stream()
            .map(row -> "| " + line(row, widths, " | ") + " |")
            .collect(Collectors.toList());
    String rule =
        IntStream.range(0, widths.length)
            .mapToObj(i -> i == 0 ? "---" : "---:")
            .collect(Collectors.joining(" | "));
    lines.add(1, "| " + rule + " |");
    return String.join("\n", lines);
  }

  private int[] widths() {
    return IntStream.range(0, rows.get(0).size())
        .map(i -> rows.stream().mapToInt(row -> row.get(i).length()).max().orElse(0))
        .toArray();
  }

  private static String line(List<String> row, int[] widths, String between) {
    return IntStream.range(0, widths.length)
        .mapToObj(i -> padded(row.get(i), widths[i], i > 0))
        .collect(Collectors.joining(between));
  }

  private static String padded(String cell, int width, boolean right) {
    String space = " ".repeat(width - cell.length());
    return right ? space + cell : cell + space;
  }
}
