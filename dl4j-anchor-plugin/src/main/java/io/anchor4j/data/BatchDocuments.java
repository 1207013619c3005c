package io.anchor4j.data;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.Serializable;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Finds the documents of batch after batch. */
final class BatchDocuments implements Serializable {
  private static final long serialVersionUID = 1L;

  private final DocumentBorders borders;
  private final int anchors;
  private long row;

  /**
   * @param anchors how many leading tokens of each row are anchors
   */
  BatchDocuments(DocumentBorders borders, int anchors) {
    checkArgument(anchors >= 0, "anchors must be 0 or more, got %s", anchors);
    this.borders = borders;
    this.anchors = anchors;
  }

  /** Begins at the first row again. */
  void reset() {
    row = 0;
  }

  /**
   * Returns the ids [B][T] of a batch.
   *
   * @param tokens what has tokens along its last axis: ids [B, T] or [B, 1, T], integers or, as
   *     DL4J's embeddings take them, whole numbers; or activations [B, C, T]
   * @param mask the batch's own mask [B, T], 0 for padding, or null
   */
  int[][] of(INDArray tokens, INDArray mask) {
    boolean ids = tokens.rank() == 2 || (tokens.rank() == 3 && tokens.size(1) == 1);
    checkArgument(
        ids || (tokens.rank() == 3 && !borders.readsTokens()),
        "the features must be %s, got %s %s",
        borders.readsTokens()
            ? "token ids [batch, tokens] or [batch, 1, tokens] to find separators in; with"
                + " cumulativeLengths they may be anything [batch, channels, tokens]"
            : "token ids [batch, tokens] or sequences [batch, channels, tokens]",
        tokens.dataType(),
        Arrays.toString(tokens.shape()));
    int batch = (int) tokens.size(0);
    int length = (int) tokens.size(tokens.rank() - 1);
    checkArgument(
        mask == null || (mask.rank() == 2 && mask.size(0) == batch && mask.size(1) == length),
        "the features mask must be [batch=%s, tokens=%s], got %s",
        batch,
        length,
        mask == null ? null : Arrays.toString(mask.shape()));
    int[][] documents = new int[batch][length];
    for (int b = 0; b < batch; b++) {
      int index = b;
      borders.mark(row++, t -> id(tokens, index, t), documents[b]);
      for (int t = 0; t < length; t++) {
        if (mask != null && mask.getDouble(b, t) == 0) {
          documents[b][t] = PackedRow.PADDING;
        } else if (t < anchors && documents[b][t] != PackedRow.PADDING) {
          documents[b][t] = PackedRow.ANCHOR;
        }
      }
    }
    return documents;
  }

  private static int id(INDArray tokens, int row, int token) {
    long[] at = tokens.rank() == 2 ? new long[] {row, token} : new long[] {row, 0, token};
    if (tokens.dataType().isIntType()) {
      return Math.toIntExact(tokens.getLong(at));
    }
    double number = tokens.getDouble(at);
    checkArgument(
        number == (int) number,
        "to find separators in, features must be whole numbers, got %s at row %s, token %s",
        number,
        row,
        token);
    return (int) number;
  }

  /** Returns rows as INT [B, T]. */
  static INDArray array(int[][] rows) {
    return Nd4j.createFromArray(rows);
  }
}
