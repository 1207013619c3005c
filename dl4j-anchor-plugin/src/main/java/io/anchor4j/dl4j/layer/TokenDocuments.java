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
    INDArray dense = mask.dataType() == DataType.BOOL ? mask.castTo(DataType.INT32) : mask;
    double[] numbers = dense.dup('c').data().asDouble();
    int[][] ids = new int[(int) batch][(int) tokens];
    for (int i = 0; i < numbers.length; i++) {
      checkArgument(
          numbers[i] >= 0 && numbers[i] <= Integer.MAX_VALUE && numbers[i] == Math.rint(numbers[i]),
          "%s: the features mask must hold 0 (padding), 1 (anchor) or n + 1 (document n), got %s at"
              + " row %s, token %s",
          layer,
          numbers[i],
          i / tokens,
          i % tokens);
      ids[(int) (i / tokens)][(int) (i % tokens)] = (int) numbers[i] - 1;
    }
    return new TokenDocuments(ids);
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
