package io.anchor4j.kernel.cpu;

import java.lang.ref.Reference;
import org.bytedeco.javacpp.IntPointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** ND4J's arrays as native code sees them. */
final class NativeArrays {
  /** Dimensions of {@code a4j_array}. */
  static final int RANK = 4;

  private NativeArrays() {}

  /**
   * Describes {@code array}, whatever its strides and offset.
   *
   * @param array FLOAT, BFLOAT16 or HALF of rank 1 to 4, not empty; the caller keeps it reachable
   *     for as long as native code may touch it
   */
  static void describe(NativeKernels.Array target, INDArray array) {
    target.data(address(array)).type(type(array.dataType()));
    int missing = RANK - array.rank();
    for (int d = 0; d < RANK; d++) {
      boolean there = d >= missing;
      target.shape(d, there ? array.size(d - missing) : 1);
      target.stride(d, there ? array.stride(d - missing) : 0);
    }
  }

  /** The address of the first element: a view's offset is not part of its buffer's address. */
  static long address(INDArray array) {
    DataBuffer data = array.data();
    return data.address() + array.offset() * data.getElementSize();
  }

  private static int type(DataType type) {
    return switch (type) {
      case FLOAT -> 0;
      case BFLOAT16 -> 1;
      case HALF -> 2;
      default -> throw new IllegalArgumentException("the cpu kernels know no " + type + " arrays");
    };
  }

  /** Copies INT [B, T] out of native memory, row by row. */
  static int[][] rows(INDArray array) {
    int batch = (int) array.size(0);
    var rows = new int[batch][(int) array.size(1)];
    boolean contiguousRows = array.size(1) == 1 || array.stride(1) == 1;
    INDArray source = contiguousRows ? array : array.dup('c');
    IntPointer data = new IntPointer(source.data().pointer());
    try {
      for (int b = 0; b < batch; b++) {
        data.position(source.offset() + (long) b * source.stride(0)).get(rows[b]);
      }
    } finally {
      Reference.reachabilityFence(source); // its memory is freed when nothing refers to it
    }
    return rows;
  }
}
