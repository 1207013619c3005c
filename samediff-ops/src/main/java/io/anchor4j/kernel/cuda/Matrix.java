package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import io.anchor4j.kernel.cuda.KernelParameters.Array;

/**
 * A matrix on the GPU as cuBLAS takes it.
 *
 * @param leading elements from one row to the next, or if {@code transposed} from one column to the
 *     next
 * @param transposed whether the elements of a column lie side by side and not those of a row
 */
record Matrix(
    long address, ElementType type, long rows, long columns, long leading, boolean transposed) {

  /** The same elements with rows and columns exchanged. */
  Matrix turned() {
    return new Matrix(
        address, type, /* rows= */ columns, /* columns= */ rows, leading, !transposed);
  }

  /** Columns [from, from + count). */
  Matrix columns(long from, long count) {
    long skipped = transposed ? from * leading : from;
    return new Matrix(address + skipped * type.bytes, type, rows, count, leading, transposed);
  }

  /** As a kernel's array of shape [1, 1, rows, columns]. */
  Array array() {
    return new Array(
        address,
        transposed
            ? ImmutableLongArray.of(0, 0, 1, leading)
            : ImmutableLongArray.of(0, 0, leading, 1),
        type.code,
        0);
  }
}
