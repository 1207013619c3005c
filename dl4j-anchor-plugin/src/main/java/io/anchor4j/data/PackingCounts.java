package io.anchor4j.data;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Counts documents and rows as they pass, for a {@link PackingReport}. */
final class PackingCounts {
  private final int sequenceLength;

  /** How many documents have each length: exact quantiles without keeping every length. */
  private final TreeMap<Integer, Long> lengths = new TreeMap<>();

  private long documents;
  private long emptyDocuments;
  private long cutDocuments;
  private long rows;
  private long pieces;
  private long padding;
  private long boundaries;
  private long targets;

  PackingCounts(int sequenceLength) {
    this.sequenceLength = sequenceLength;
  }

  void addDocument(int length) {
    if (length == 0) {
      emptyDocuments++;
      return;
    }
    documents++;
    lengths.merge(length, 1L, Long::sum);
  }

  void addRow(PackedRow row, List<Piece> rowPieces) {
    rows++;
    pieces += rowPieces.size();
    cutDocuments += rowPieces.stream().filter(piece -> piece.startsCutDocument).count();
    targets += PackedRow.countTargets(row.targets(BoundaryLabels.IGNORE));
    int[] ids = row.documentIds();
    for (int t = 0; t < ids.length; t++) {
      if (ids[t] == PackedRow.PADDING) {
        padding++;
      } else if (t > 0 && ids[t] != ids[t - 1]) {
        boundaries++;
      }
    }
  }

  PackingReport report() {
    return new PackingReport(
        documents,
        emptyDocuments,
        cutDocuments,
        rows,
        sequenceLength,
        pieces,
        rows * sequenceLength - padding,
        padding,
        boundaries,
        targets,
        new PackingReport.Lengths(
            quantile(0),
            quantile(25),
            quantile(50),
            quantile(75),
            quantile(90),
            quantile(99),
            quantile(100)));
  }

  /** Returns the shortest length that {@code percent} of the documents do not exceed. */
  private int quantile(int percent) {
    long seen = 0;
    for (Map.Entry<Integer, Long> entry : lengths.entrySet()) {
      seen += entry.getValue();
      if (100 * seen >= percent * documents) {
        return entry.getKey();
      }
    }
    return 0;
  }
}
