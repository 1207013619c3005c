package io.anchor4j.kernel.nd4j;

import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Copies heads of one row of the batch between the caller's layout and one where the tokens of a
 * document lie together, and those query heads that share a key head do too.
 *
 * <p>The gathered layout is [Hkv, tokens * G, D + 1]: the G query heads of a token are G rows, so
 * that one product serves them all. The column after the D dimensions is for the caller: a product
 * over it adds a per-row constant (-logSumExp, -delta) at no extra pass.
 */
final class GatheredHeads {

  /** Consecutive tokens that are consecutive in both layouts. */
  private record Run(long token, long gathered, int length) {}

  private final int[] tokens;
  private final int kvHeads;
  private final int group;
  private final int headDim;
  private final int firstToken;
  private final List<Run> runs = new ArrayList<>();

  /**
   * @param tokens tokens of the row, in gathered order
   * @param group G
   * @param firstToken the token that the caller's arrays start at
   */
  GatheredHeads(int[] tokens, int kvHeads, int group, int headDim, int firstToken) {
    this.tokens = tokens;
    this.kvHeads = kvHeads;
    this.group = group;
    this.headDim = headDim;
    this.firstToken = firstToken;
    int start = 0;
    for (int i = 1; i <= tokens.length; i++) {
      if (i == tokens.length || tokens[i] != tokens[i - 1] + 1) {
        runs.add(new Run(tokens[start], start, i - start));
        start = i;
      }
    }
  }

  /** Rows of each key head in the gathered layout. */
  long rows() {
    return (long) tokens.length * group;
  }

  int width() {
    return headDim + 1;
  }

  /** A gathered array; its last column is {@code last}. */
  INDArray gather(INDArray heads, DataType type, double last) {
    INDArray gathered = Scratch.uninitialized(type, kvHeads, rows(), width());
    column(gathered).assign(last);
    for (Run run : runs) {
      window(gathered, run).assign(outside(heads, run));
    }
    return gathered;
  }

  INDArray zeros(DataType type) {
    return Scratch.zeros(type, kvHeads, rows(), width());
  }

  /** Writes gathered heads where they belong; tokens that were not gathered become 0. */
  void scatter(INDArray gathered, INDArray heads) {
    if (tokens.length < heads.size(1)) {
      heads.assign(0);
    }
    for (Run run : runs) {
      outside(heads, run).assign(window(gathered, run));
    }
  }

  /** Gathers one number a row: [H, T] to [Hkv, rows]. */
  INDArray gatherStatistics(INDArray statistics, DataType type) {
    INDArray gathered = Scratch.uninitialized(type, kvHeads, rows());
    for (Run run : runs) {
      statisticsWindow(gathered, run).assign(outsideStatistics(statistics, run));
    }
    return gathered;
  }

  /**
   * The inverse of {@link #gatherStatistics}; tokens that were not gathered become {@code none}.
   */
  void scatterStatistics(INDArray gathered, INDArray statistics, double none) {
    if (tokens.length < statistics.size(1)) {
      statistics.assign(none);
    }
    for (Run run : runs) {
      outsideStatistics(statistics, run).assign(statisticsWindow(gathered, run));
    }
  }

  /** The last column of a gathered array: [Hkv, rows]. */
  INDArray column(INDArray gathered) {
    return Views.of(
        gathered,
        headDim,
        new long[] {kvHeads, rows()},
        new long[] {rows() * width(), width()},
        'c');
  }

  /** The dimensions of a gathered array without the last column: [Hkv, rows, D]. */
  INDArray dimensions(INDArray gathered) {
    return Views.of(
        gathered,
        0,
        new long[] {kvHeads, rows(), headDim},
        new long[] {rows() * width(), width(), 1},
        'c');
  }

  /** [Hkv, G, length, D] of the gathered layout. */
  private INDArray window(INDArray gathered, Run run) {
    return Views.of(
        gathered,
        run.gathered * group * width(),
        new long[] {kvHeads, group, run.length, headDim},
        new long[] {rows() * width(), width(), (long) group * width(), 1},
        'c');
  }

  /** [Hkv, G, length, D] of the caller's [H, T, D]. */
  private INDArray outside(INDArray heads, Run run) {
    long head = heads.stride(0);
    return Views.of(
        heads,
        (run.token - firstToken) * heads.stride(1),
        new long[] {kvHeads, group, run.length, headDim},
        new long[] {group * head, head, heads.stride(1), heads.stride(2)},
        'c');
  }

  private INDArray statisticsWindow(INDArray gathered, Run run) {
    return Views.of(
        gathered,
        run.gathered * group,
        new long[] {kvHeads, group, run.length},
        new long[] {rows(), 1, group},
        'c');
  }

  private INDArray outsideStatistics(INDArray statistics, Run run) {
    long head = statistics.stride(0);
    return Views.of(
        statistics,
        (run.token - firstToken) * statistics.stride(1),
        new long[] {kvHeads, group, run.length},
        new long[] {group * head, head, statistics.stride(1)},
        'c');
  }
}
