package io.anchor4j.kernel.cuda;

import io.anchor4j.kernel.cuda.KernelFunction.Grid;

/**
 * Blocks, threads and shared memory of the kernels of attention, by the formulae of {@code
 * parameters.cuh}.
 */
record AttentionLaunches(
    int forwardRows,
    int forwardThreads,
    int forwardBytes,
    int backwardRows,
    int backwardThreads,
    int backwardBytes) {

  /**
   * @param headDim D, rounded up to a multiple of 16
   */
  static AttentionLaunches of(PackFormat format, int headDim) {
    return format.tensorCores() ? pairs(format, headDim) : plain(format, headDim);
  }

  private static AttentionLaunches pairs(PackFormat format, int headDim) {
    boolean compensated = format == PackFormat.PAIR;
    int planes = compensated ? 2 : 1;
    boolean wide = headDim > 128;
    int rows = compensated || wide ? 64 : 128;
    int keys = !wide ? 64 : compensated ? 16 : 32;
    int backwardRows = compensated && wide ? 32 : 64;
    int step = wide ? 16 : compensated ? 32 : 64;
    return new AttentionLaunches(
        rows,
        128,
        2 * (headDim + 8) * (rows * planes + keys * (planes + 1)) + 8 * keys,
        backwardRows,
        2 * backwardRows,
        2 * (headDim + 8) * (planes + 1) * (backwardRows + step) + 16 * step);
  }

  private static AttentionLaunches plain(PackFormat format, int headDim) {
    int row = headDim * format.bytes();
    int side = row <= 512 ? 32 : row <= 1024 ? 16 : 8;
    int threads = side * side / 4;
    int bytes = (4 * side * (headDim + 1) + 2 * side * (side + 1)) * format.bytes() + 32 * side;
    return new AttentionLaunches(side, threads, bytes, side, threads, bytes);
  }

  /** Queries of a batch's heads, forward. */
  Grid forward(int queryRows, int heads, int batch) {
    return grid(queryRows, forwardRows, heads, batch, forwardThreads, forwardBytes);
  }

  /** Queries or keys of a batch's heads, backward. */
  Grid backward(int rows, int heads, int batch) {
    return grid(rows, backwardRows, heads, batch, backwardThreads, backwardBytes);
  }

  private static Grid grid(int rows, int step, int heads, int batch, int threads, int bytes) {
    return new Grid((rows + step - 1) / step, heads, batch, threads, bytes);
  }
}
