package io.anchor4j.data;

import io.anchor4j.attention.CliNames;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** How the tokens of a packed row are numbered for rotary embedding. */
public enum Positions {
  /** 0 to T-1 along the row, whatever the documents. */
  CONTINUOUS,
  /**
   * Anchors take 0 to A-1 in their order, A being their number in the row; every document counts on
   * from A; padding has 0.
   */
  PER_DOCUMENT;

  /**
   * Returns the positions [T] of a row's tokens.
   *
   * @param documentIds [T] the document of each token: 0 for an anchor, -1 for padding
   */
  public int[] of(int[] documentIds) {
    int[] positions = new int[documentIds.length];
    if (this == CONTINUOUS) {
      Arrays.setAll(positions, t -> t);
      return positions;
    }
    int anchors = (int) Arrays.stream(documentIds).filter(id -> id == PackedRow.ANCHOR).count();
    int anchorsBefore = 0;
    Map<Integer, Integer> next = new HashMap<>();
    for (int t = 0; t < positions.length; t++) {
      int document = documentIds[t];
      if (document == PackedRow.ANCHOR) {
        positions[t] = anchorsBefore++;
      } else if (document != PackedRow.PADDING) {
        positions[t] = next.getOrDefault(document, anchors);
        next.put(document, positions[t] + 1);
      }
    }
    return positions;
  }

  /** Returns the word for this choice on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  /**
   * Returns the choice that {@code word} names.
   *
   * @throws IllegalArgumentException if {@code word} is none of the words of {@link #cliName}
   */
  public static Positions parse(String word) {
    return CliNames.parse(Positions.class, "positions", word);
  }
}
