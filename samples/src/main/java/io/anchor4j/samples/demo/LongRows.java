package io.anchor4j.samples.demo;

import io.anchor4j.data.PackedRow;
import io.anchor4j.data.TextEncoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Validation rows that one long document fills: the only ones on which every mask means the same,
 * and on which a token far from the start has the whole row before it to learn from.
 */
final class LongRows {
  private LongRows() {}

  /**
   * Returns rows of an anchor and {@code sequenceLength - 1} tokens of one document, the first such
   * piece of each document before the second piece of any.
   *
   * @param most how many rows to return at most
   */
  static List<PackedRow> of(
      List<DemoCorpus.Document> documents,
      TextEncoder encoder,
      int anchorId,
      int sequenceLength,
      int most) {
    int length = sequenceLength - 1;
    var tokens = new ArrayList<int[]>();
    for (DemoCorpus.Document document : documents) {
      int[] ids = encoder.encode(document.text());
      if (ids.length >= length) {
        tokens.add(ids);
      }
    }
    var rows = new ArrayList<PackedRow>();
    boolean any = true;
    for (int piece = 0; any && rows.size() < most; piece++) {
      any = false;
      for (int[] ids : tokens) {
        int start = piece * length;
        if (start + length <= ids.length && rows.size() < most) {
          rows.add(row(anchorId, Arrays.copyOfRange(ids, start, start + length)));
          any = true;
        }
      }
    }
    return rows;
  }

  private static PackedRow row(int anchorId, int[] document) {
    int[] ids = new int[document.length + 1];
    int[] documents = new int[ids.length];
    ids[0] = anchorId;
    documents[0] = PackedRow.ANCHOR;
    System.arraycopy(document, 0, ids, 1, document.length);
    Arrays.fill(documents, 1, documents.length, 1);
    return new PackedRow(ids, documents);
  }
}
