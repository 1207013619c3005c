package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The keys and values of the tokens that step-by-step inference has seen, outside workspaces. */
public final class KeyValueCache {
  private static final String KEYS = "keys";
  private static final String VALUES = "values";

  private final long batch;
  private final long channels;
  private final TokenBuffer keys;
  private final TokenBuffer values;
  private long tokens;

  /** An empty cache for rows of keys and values [batch, tokens, channels]. */
  public KeyValueCache(long batch, long channels, DataType type) {
    this.batch = batch;
    this.channels = channels;
    keys = new TokenBuffer(batch, channels, type);
    values = new TokenBuffer(batch, channels, type);
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

  /** The number of tokens of each row. */
  public long tokens() {
    return tokens;
  }

  /** The keys [B, T, channels], a view that lasts until tokens come or go. */
  public INDArray keys() {
    return keys.view();
  }

  /** The values [B, T, channels], a view that lasts until tokens come or go. */
  public INDArray values() {
    return values.view();
  }

  /** The keys as heads [B, H, T, D], a view that lasts until tokens come or go. */
  public INDArray keyHeads(long heads) {
    return keys.heads(heads);
  }

  /** The values as heads [B, H, T, D], a view that lasts until tokens come or go. */
  public INDArray valueHeads(long heads) {
    return values.heads(heads);
  }

  /**
   * Adds tokens to every row.
   *
   * @param layer who adds, for messages
   * @param moreKeys [B, steps, channels]
   * @param moreValues [B, steps, channels]
   * @throws IllegalArgumentException if B or the channels differ from the steps before
   */
  public void append(String layer, INDArray moreKeys, INDArray moreValues) {
    checkArgument(
        moreKeys.size(0) == batch && moreKeys.size(2) == channels,
        "%s: the steps before were [batch=%s, channels=%s], these are %s. Call"
            + " rnnClearPreviousState() to begin anew.",
        layer,
        batch,
        channels,
        Arrays.toString(moreKeys.shape()));
    keys.append(moreKeys);
    values.append(moreValues);
    tokens += moreKeys.size(1);
  }

  /** Forgets all tokens but those, given in ascending order, and frees the memory of the others. */
  public void keep(int[] kept) {
    keys.keep(kept);
    values.keep(kept);
    tokens = kept.length;
  }
}
