package io.anchor4j.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A table of cases.
 *
 * @param prose what is compared, and what the columns are
 */
record Comparison(String name, String title, String prose, List<Column> columns, List<Case> cases)
    implements Section {
  private static final Logger log = LoggerFactory.getLogger(Comparison.class);

  @Override
  public String run(PairedRun how) {
    List<CaseResult> results = new ArrayList<>();
    for (Case of : cases) {
      long began = System.nanoTime();
      CaseResult result = how.run(of);
      results.add(result);
      log.info(
          "{}: {}: {} ({} s)",
          name,
          of.label(),
          String.join(", ", cells(result)),
          (System.nanoTime() - began) / 1_000_000_000);
      result.notes().forEach(note -> log.info("  {}", note));
    }
    return markdown(results);
  }

  private List<String> cells(CaseResult result) {
    return columns.stream().map(column -> column.of(result)).toList();
  }

  /** Returns heading, prose, table and notes. */
  String markdown(List<CaseResult> results) {
    var text = new StringBuilder("## %s\n\n%s\n\n".formatted(title, prose.strip()));
    List<String> titles = new ArrayList<>(List.of("case"));
    columns.forEach(column -> titles.add(column.title()));
    row(text, titles);
    text.append("|---|").append("---:|".repeat(columns.size())).append('\n');
    Set<String> notes = new LinkedHashSet<>();
    for (CaseResult result : results) {
      List<String> cells = new ArrayList<>(List.of(result.of().label()));
      cells.addAll(cells(result));
      row(text, cells);
      notes.addAll(result.notes());
    }
    if (!notes.isEmpty()) {
      text.append("\nLeft out:\n\n");
      notes.forEach(note -> text.append("- ").append(note).append('\n'));
    }
    return text.toString();
  }

  private static void row(StringBuilder text, List<String> cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
