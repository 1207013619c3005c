package io.anchor4j.dl4j.layer;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What each token of every row left behind, outside workspaces. The array doubles when it is full:
 * up to twice the tokens' bytes, and three times while they are copied.
 */
final class TokenBuffer {
  private INDArray array; // [B, capacity, channels]
  private long tokens;

  TokenBuffer(long batch, long channels, DataType type) {
    array = create(batch, 1, channels, type);
  }

  /** All tokens [B, T, channels], a view that lasts until the next change. */
  INDArray view() {
    return part(array, 0, tokens);
  }

  /**
   * All tokens as heads [B, H, T, D], a view that lasts until the next change. Made at once and not
   * view by view: ND4J M2.1 describes each in native memory of its own, for which JavaCPP asks the
   * system how large the process is. With 124 million weights it took 3 % of a token's time.
   */
  INDArray heads(long heads) {
    long channels = array.size(2);
    long headDim = channels / heads;
    long[] shape = {array.size(0), heads, tokens, headDim};
    long[] stride = {array.size(1) * channels, headDim, channels, 1};
    return Nd4j.create(array.data(), shape, stride, 0, 'c');
  }

  /** Adds [B, steps, channels] behind the last token. */
  void append(INDArray more) {
    long end = tokens + more.size(1);
    if (end > array.size(1)) {
      INDArray larger = like(Math.max(end, 2 * array.size(1)));
      if (tokens > 0) {
        part(larger, 0, tokens).assign(view());
      }
      replace(larger);
    }
    part(array, tokens, end).assign(more);
    tokens = end;
  }

  /** Keeps only those tokens, in ascending order, and gives back the memory of the others. */
  void keep(int[] kept) {
    INDArray fewer = like(kept.length);
    for (int first = 0; first < kept.length; ) {
      int end = first + 1;
      while (end < kept.length && kept[end] == kept[end - 1] + 1) {
        end++;
      }
      part(fewer, first, end).assign(part(array, kept[first], kept[end - 1] + 1));
      first = end;
    }
    replace(fewer);
    tokens = kept.length;
  }

  /** Frees the old array at once: it is off the heap, where the collector sees no hurry. */
  private void replace(INDArray other) {
    array.close();
    array = other;
  }

  private INDArray like(long capacity) {
    return create(array.size(0), capacity, array.size(2), array.dataType());
  }

  private static INDArray create(long batch, long capacity, long channels, DataType type) {
    try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      return Nd4j.createUninitialized(type, new long[] {batch, capacity, channels}, 'c');
    }
  }

  /** Tokens [from, to) of all rows; ND4J's own slices of slices come out empty at times. */
  private static INDArray part(INDArray array, long from, long to) {
    long channels = array.size(2);
    long[] shape = {array.size(0), to - from, channels};
    long[] stride = {array.size(1) * channels, channels, 1};
    return Nd4j.create(array.data(), shape, stride, from * channels, 'c');
  }
}
