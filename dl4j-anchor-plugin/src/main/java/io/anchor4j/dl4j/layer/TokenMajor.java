package io.anchor4j.dl4j.layer;

import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The memory layout of activations: logically DL4J's [B, C, T], in memory [B, T, C].
 *
 * <p>Every layer of this package works on a token's channels together, as matrix products do, so
 * that a buffer laid out token by token is read and written without a transpose. DL4J's own layers
 * see an ordinary [B, C, T] view; from them any layout is accepted and copied once.
 */
public final class TokenMajor {
  private TokenMajor() {}

  /**
   * Returns activations as contiguous [B, T, C]: the same memory where it lies so already and has
   * that type, otherwise a copy.
   *
   * @param activations [B, C, T], any layout
   * @param type the type wanted
   * @param workspaces where a copy goes
   * @param place where a copy goes
   */
  public static INDArray of(
      INDArray activations, DataType type, LayerWorkspaceMgr workspaces, ArrayType place) {
    INDArray tokens = activations.permute(0, 2, 1); // [B, C, T] -> [B, T, C]
    if (tokens.dataType() == type && isContiguous(tokens)) {
      return tokens;
    }
    INDArray copy = workspaces.createUninitialized(place, type, tokens.shape(), 'c');
    return copy.assign(tokens);
  }

  /** Returns an uninitialised contiguous [B, T, C]. */
  public static INDArray create(
      LayerWorkspaceMgr workspaces,
      ArrayType place,
      DataType type,
      long batch,
      long tokens,
      long channels) {
    return workspaces.createUninitialized(place, type, new long[] {batch, tokens, channels}, 'c');
  }

  /** Returns [B, T, C] as the [B, C, T] that DL4J passes on, a view. */
  public static INDArray activations(INDArray tokens) {
    return tokens.permute(0, 2, 1);
  }

  /** Returns contiguous [B, T, H*D] as heads [B, H, T, D], a view. */
  public static INDArray heads(INDArray tokens, long heads) {
    long headDim = tokens.size(2) / heads;
    return tokens
        .reshape('c', true, tokens.size(0), tokens.size(1), heads, headDim)
        .permute(0, 2, 1, 3); // [B, T, H, D] -> [B, H, T, D]
  }

  /** Returns contiguous [B, T, C] as rows [B*T, C], a view. */
  public static INDArray rows(INDArray tokens) {
    return tokens.reshape('c', true, tokens.size(0) * tokens.size(1), tokens.size(2));
  }

  private static boolean isContiguous(INDArray array) {
    long expected = 1;
    for (int i = array.rank() - 1; i >= 0; i--) {
      // The stride of an axis of size 1 is never used, and ND4J leaves anything there.
      if (array.size(i) != 1 && array.stride(i) != expected) {
        return false;
      }
      expected *= array.size(i);
    }
    return true;
  }
}
