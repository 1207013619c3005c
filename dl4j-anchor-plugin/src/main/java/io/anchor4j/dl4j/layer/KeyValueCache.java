package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The keys and values of the tokens that step-by-step inference has seen, outside workspaces. */
final class KeyValueCache {
  private static final String KEYS = "keys";
  private static final String VALUES = "values";

  private final long batch;
  private final long channels;
  private final DataType type;
  private INDArray keys; // [B, capacity, channels]
  private INDArray values;
  private long tokens;

  KeyValueCache(long batch, long channels, DataType type) {
    this.batch = batch;
    this.channels = channels;
    this.type = type;
    keys = create(0);
    values = create(0);
  }

  /** Returns the cache whose {@link #state} this is. */
  static KeyValueCache of(Map<String, INDArray> state, DataType type) {
    INDArray keys = state.get(KEYS);
    INDArray values = state.get(VALUES);
    checkArgument(
        keys != null && values != null && keys.rank() == 3 && keys.equalShapes(values),
        "the state of attention must hold keys and values [batch, tokens, channels] of one shape,"
            + " got %s",
        state.keySet());
    var cache = new KeyValueCache(keys.size(0), keys.size(2), type);
    cache.append("rnnSetPreviousState", keys, values);
    return cache;
  }

  /** Returns copies of keys and values [B, T, channels]. */
  Map<String, INDArray> state() {
    try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      return Map.of(KEYS, keys().dup('c'), VALUES, values().dup('c'));
    }
  }

  long tokens() {
    return tokens;
  }

  /** The keys [B, T, channels], a view. */
  INDArray keys() {
    return part(keys, 0, tokens);
  }

  /** The values [B, T, channels], a view. */
  INDArray values() {
    return part(values, 0, tokens);
  }

  /**
   * Adds tokens to every row.
   *
   * @param layer who adds, for messages
   * @param moreKeys [B, steps, channels]
   */
  void append(String layer, INDArray moreKeys, INDArray moreValues) {
    checkArgument(
        moreKeys.size(0) == batch && moreKeys.size(2) == channels,
        "%s: the steps before were [batch=%s, channels=%s], these are %s. Call"
            + " rnnClearPreviousState() to begin anew.",
        layer,
        batch,
        channels,
        Arrays.toString(moreKeys.shape()));
    long end = tokens + moreKeys.size(1);
    if (end > keys.size(1)) {
      keys = grown(keys, end);
      values = grown(values, end);
    }
    part(keys, tokens, end).assign(moreKeys);
    part(values, tokens, end).assign(moreValues);
    tokens = end;
  }

  private INDArray grown(INDArray old, long atLeast) {
    INDArray larger = create(Math.max(atLeast, 2 * old.size(1)));
    if (tokens > 0) {
      part(larger, 0, tokens).assign(part(old, 0, tokens));
    }
    return larger;
  }

  private INDArray create(long capacity) {
    try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      return Nd4j.createUninitialized(
          type, new long[] {batch, Math.max(1, capacity), channels}, 'c');
    }
  }

  /** Tokens [from, to) of all rows; ND4J's own slices of slices come out empty at times. */
  private INDArray part(INDArray array, long from, long to) {
    long[] shape = {batch, to - from, channels};
    long[] stride = {array.size(1) * channels, channels, 1};
    return Nd4j.create(array.data(), shape, stride, from * channels, 'c');
  }
}
