package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.Positions;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Document ids of a batch as attention takes them, read from a DL4J mask that holds each id plus 1
 * so that 0 stays "nothing here".
 */
public final class TokenDocuments {
  private static final int PADDING = -1;

  private final int[][] ids;

  private TokenDocuments(int[][] ids) {
    this.ids = ids;
  }

  /**
   * Reads a features mask.
   *
   * @param layer the reader's name, for messages
   * @param mask [B, T]: 0 padding, 1 anchor, n + 1 document n; INT, or any type that holds these
   *     numbers exactly
   * @param batch B of the activations
   * @param tokens T of the activations
   * @throws IllegalArgumentException if the shape differs or a number is negative, not whole or no
   *     INT
   */
  public static TokenDocuments ofMask(String layer, INDArray mask, long batch, long tokens) {
    checkArgument(
        mask.rank() == 2 && mask.size(0) == batch && mask.size(1) == tokens,
        "%s: the features mask must be [batch=%s, tokens=%s], got %s",
        layer,
        batch,
        tokens,
        Arrays.toString(mask.shape()));
    int[][] ids = numbers(layer, mask);
    for (int[] row : ids) {
      Arrays.setAll(row, t -> row[t] - 1);
    }
    return new TokenDocuments(ids);
  }

  /**
   * Reads documents that are an input of their own.
   *
   * @param layer the reader's name, for messages
   * @param documents INT or LONG [B, T]: 0 anchor, n document n, -1 padding
   * @param mask [B, T], 0 for padding too, or null
   * @param batch B of the activations
   * @param tokens T of the activations
   * @throws IllegalArgumentException if a shape or type differs
   */
  static TokenDocuments of(
      String layer, INDArray documents, INDArray mask, long batch, long tokens) {
    checkArgument(
        documents.dataType().isIntType()
            && documents.rank() == 2
            && documents.size(0) == batch
            && documents.size(1) == tokens,
        "%s: documents must be integers [batch=%s, tokens=%s], got %s %s",
        layer,
        batch,
        tokens,
        documents.dataType(),
        Arrays.toString(documents.shape()));
    int[][] ids = documents.toIntMatrix();
    if (mask != null) {
      int[][] visible = ofMask(layer, mask, batch, tokens).ids;
      for (int b = 0; b < ids.length; b++) {
        for (int t = 0; t < ids[b].length; t++) {
          ids[b][t] = visible[b][t] == PADDING ? PADDING : ids[b][t];
        }
      }
    }
    return new TokenDocuments(ids);
  }

  private static int[][] numbers(String layer, INDArray mask) {
    int[][] numbers;
    if (mask.dataType().isFPType()) {
      double[][] floating = mask.toDoubleMatrix();
      numbers = new int[floating.length][];
      for (int b = 0; b < floating.length; b++) {
        double[] row = floating[b];
        numbers[b] = new int[row.length];
        for (int t = 0; t < row.length; t++) {
          numbers[b][t] = (int) row[t];
          check(numbers[b][t] == row[t], layer, row[t], b, t);
        }
      }
    } else {
      numbers = mask.castTo(DataType.INT32).toIntMatrix();
    }
    for (int b = 0; b < numbers.length; b++) {
      for (int t = 0; t < numbers[b].length; t++) {
        check(numbers[b][t] >= 0, layer, numbers[b][t], b, t);
      }
    }
    return numbers;
  }

  private static void check(boolean valid, String layer, Number found, int row, int token) {
    checkArgument(
        valid,
        "%s: the features mask must hold 0 (padding), 1 (anchor) or n + 1 (document n), got %s at"
            + " row %s, token %s",
        layer,
        found,
        row,
        token);
  }

  /** Rows of one document each, after that many anchors. */
  static TokenDocuments afterAnchors(int anchors, long batch, long tokens) {
    int[][] ids = new int[(int) batch][(int) tokens];
    for (int[] row : ids) {
      Arrays.fill(row, 1);
      Arrays.fill(row, 0, Math.min(anchors, row.length), AttentionMask.ANCHOR_ID);
    }
    return new TokenDocuments(ids);
  }

  /** Returns the ids, INT [B, T], outside any workspace. */
  public INDArray array() {
    return detached(ids);
  }

  /** Returns the tokens' numbers by that rule, INT [B, T], outside any workspace. */
  INDArray positions(Positions rule) {
    return detached(Arrays.stream(ids).map(rule::of).toArray(int[][]::new));
  }

  private static INDArray detached(int[][] rows) {
    try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      return Nd4j.createFromArray(rows);
    }
  }
}
