package io.anchor4j.kernel.nd4j;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Windows on an array's memory, by explicit strides.
 *
 * <p>{@code INDArray.get} and {@code slice} give an empty array for some views in ND4J M2.1; a view
 * made from the buffer itself never does. Offsets are counted from the array's first element.
 */
final class Views {
  private Views() {}

  static INDArray of(INDArray array, long offset, long[] shape, long[] stride, char order) {
    return Nd4j.create(array.data(), shape, stride, array.offset() + offset, order);
  }

  /** A contiguous matrix, rows one after the other. */
  static INDArray rows(INDArray array, long offset, long rows, long columns) {
    return of(array, offset, new long[] {rows, columns}, new long[] {columns, 1}, 'c');
  }

  /** The matrix of {@link #rows} transposed, in the order that gemm writes to. */
  static INDArray columns(INDArray array, long offset, long rows, long columns) {
    return of(array, offset, new long[] {columns, rows}, new long[] {1, columns}, 'f');
  }

  /** One index of the first dimension. */
  static INDArray first(INDArray array, long index) {
    long[] shape = Arrays.copyOfRange(array.shape(), 1, array.rank());
    long[] stride = Arrays.copyOfRange(array.stride(), 1, array.rank());
    return of(array, index * array.stride(0), shape, stride, 'c');
  }
}
