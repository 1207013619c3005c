package io.anchor4j.kernel.cpu;

import java.lang.ref.Reference;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The arrays of one call as native code sees them, until it is closed. */
final class DescribedArrays implements AutoCloseable {
  private final NativeKernels.Array descriptions;
  private final int written;
  private final INDArray[] arrays;
  private final INDArray[] used;

  /**
   * @param written how many arrays are written, the last ones
   * @param arrays null for one that is left out
   */
  DescribedArrays(int written, INDArray... arrays) {
    this.written = written;
    this.arrays = arrays;
    used = new INDArray[arrays.length];
    descriptions = new NativeKernels.Array(arrays.length);
    for (int i = 0; i < arrays.length; i++) {
      if (arrays[i] != null) {
        used[i] = arrays[i].rank() <= NativeArrays.RANK ? arrays[i] : matrix(arrays[i]);
        NativeArrays.describe(descriptions.at(i), used[i]);
      }
    }
  }

  /** A copy of an array of more dimensions than native code counts. */
  private static INDArray matrix(INDArray array) {
    long columns = array.size(-1);
    return array.dup('c').reshape('c', array.length() / columns, columns);
  }

  /** Returns null for an array that is left out. */
  NativeKernels.Array at(int index) {
    return arrays[index] == null ? null : descriptions.at(index);
  }

  /** Ends the call of {@code name} that gave {@code status}. */
  void finish(String name, int status) {
    NativeKernels.check(name, status);
    for (int i = arrays.length - written; i < arrays.length; i++) {
      if (used[i] != arrays[i]) {
        arrays[i].assign(used[i].reshape('c', arrays[i].shape()));
      }
    }
  }

  @Override
  public void close() {
    try {
      descriptions.close();
    } finally {
      // ND4J frees the memory of arrays that nobody refers to, even while native code is in them.
      Reference.reachabilityFence(used);
    }
  }
}
