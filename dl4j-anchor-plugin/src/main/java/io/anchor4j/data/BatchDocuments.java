package io.anchor4j.data;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Finds the documents of batch after batch. */
final class BatchDocuments {
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
   * @param tokens what has tokens along its last axis: ids INT [B, T], or activations [B, C, T]
   * @param mask the batch's own mask [B, T], 0 for padding, or null
   */
  int[][] of(INDArray tokens, INDArray mask) {
    boolean ids = tokens.rank() == 2 && tokens.dataType().isIntType();
    checkArgument(
        ids || (tokens.rank() == 3 && !borders.readsTokens()),
        "the features must be %s, got %s %s",
        borders.readsTokens()
            ? "integer token ids [batch, tokens] to find separators in"
            : "integer token ids [batch, tokens] or sequences [batch, channels, tokens]",
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
      borders.mark(row++, t -> tokens.getInt(index, t), documents[b]);
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

  /** Returns rows as INT [B, T]. */
  static INDArray array(int[][] rows) {
    return Nd4j.createFromArray(rows);
  }
}
