package io.anchor4j.kernel.cuda;

/**
 * How a sum over rows is cut: by their number alone, so that equal arrays give equal bits.
 *
 * @param rows of a part
 * @param count of parts
 */
record RowParts(long rows, long count) {
  /** Enough to fill a GPU with blocks; more would only be more to add up. */
  private static final long MOST = 512;

  private static final long LEAST_ROWS = 8;

  static RowParts of(long rows) {
    long each = Math.max(LEAST_ROWS, KernelCall.ceilDiv(rows, MOST));
    return new RowParts(each, KernelCall.ceilDiv(rows, each));
  }
}
