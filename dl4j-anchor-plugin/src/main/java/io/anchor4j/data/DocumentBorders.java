package io.anchor4j.data;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Where documents begin and end in the rows of somebody's own data set.
 *
 * <p>Document ids that come of it: 1, 2, ... in the order of a row, 0 for anchors, -1 for padding.
 */
public abstract class DocumentBorders implements Serializable {
  private static final long serialVersionUID = 1L;

  private DocumentBorders() {}

  /**
   * A document ends with that token, which belongs to it.
   *
   * @param separator token id
   */
  public static DocumentBorders separator(int separator) {
    return new DocumentBorders() {
      @Override
      boolean readsTokens() {
        return true;
      }

      @Override
      void mark(long row, IntUnaryOperator tokenAt, int[] documents) {
        int document = 1;
        for (int t = 0; t < documents.length; t++) {
          documents[t] = document;
          if (tokenAt.applyAsInt(t) == separator) {
            document++;
          }
        }
      }
    };
  }

  /**
   * The cumulative lengths of each row's documents, as variable-length attention kernels take them:
   * 0, the end of the first document, the end of the second, ...; what follows the last is padding.
   *
   * @param rows one array for each row, in the order in which the data set delivers them. Kept, not
   *     copied
   * @throws IllegalArgumentException if a row does not begin with 0 or does not ascend
   */
  public static DocumentBorders cumulativeLengths(List<int[]> rows) {
    for (int i = 0; i < rows.size(); i++) {
      checkCumulative(i, rows.get(i));
    }
    return new DocumentBorders() {
      @Override
      boolean readsTokens() {
        return false;
      }

      @Override
      void mark(long row, IntUnaryOperator tokenAt, int[] documents) {
        checkArgument(
            row < rows.size(),
            "cumulativeLengths: the data set has a row %s, there are lengths for %s rows",
            row,
            rows.size());
        int[] ends = rows.get((int) row);
        int last = ends[ends.length - 1];
        checkArgument(
            last <= documents.length,
            "cumulativeLengths: row %s ends at token %s, the data set's row has %s tokens",
            row,
            last,
            documents.length);
        Arrays.fill(documents, PackedRow.PADDING);
        for (int i = 1; i < ends.length; i++) {
          Arrays.fill(documents, ends[i - 1], ends[i], i);
        }
      }
    };
  }

  private static void checkCumulative(int row, int[] ends) {
    checkArgument(
        ends.length > 1 && ends[0] == 0,
        "cumulativeLengths: row %s must be 0 and the end of each document, got %s",
        row,
        Arrays.toString(ends));
    for (int i = 1; i < ends.length; i++) {
      checkArgument(
          ends[i] > ends[i - 1],
          "cumulativeLengths: row %s must ascend, got %s",
          row,
          Arrays.toString(ends));
    }
  }

  /** Whether {@link #mark} looks at tokens. */
  abstract boolean readsTokens();

  /**
   * Fills in the document of each token of a row.
   *
   * @param row its number since the data set's beginning
   * @param tokenAt the id of token t
   * @param documents [T]
   */
  abstract void mark(long row, IntUnaryOperator tokenAt, int[] documents);
}
