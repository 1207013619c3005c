package io.anchor4j.decoder;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.collect.ImmutableSortedSet;
import io.anchor4j.attention.AttentionConfig;
import java.util.SortedSet;

/**
 * In what the blocks of a decoder differ from plain Llama's, and from each other.
 *
 * @param queryKeyValueBias whether query, key and value projections add a bias
 * @param projectionBias whether the projection after attention adds a bias
 * @param mlpBias whether the feed-forward part adds biases
 * @param queryKeyNorm whether each head of query and key is divided by its root mean square and
 *     multiplied by a gain [D] that the heads share, before it is rotated
 * @param unrotated indices, from 0, of layers that leave out the rotary embedding
 * @param unwindowed indices, from 0, of layers that leave out the window
 */
public record BlockOptions(
    boolean queryKeyValueBias,
    boolean projectionBias,
    boolean mlpBias,
    boolean queryKeyNorm,
    SortedSet<Integer> unrotated,
    SortedSet<Integer> unwindowed) {

  /** No biases, no norms inside attention, all layers alike. */
  public static final BlockOptions PLAIN =
      new BlockOptions(
          /* queryKeyValueBias= */ false,
          /* projectionBias= */ false,
          /* mlpBias= */ false,
          /* queryKeyNorm= */ false,
          ImmutableSortedSet.of(),
          ImmutableSortedSet.of());

  public BlockOptions {
    unrotated = ImmutableSortedSet.copyOf(unrotated);
    unwindowed = ImmutableSortedSet.copyOf(unwindowed);
  }

  /** Returns these options with or without biases on query, key and value. */
  public BlockOptions withQueryKeyValueBias(boolean queryKeyValueBias) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns these options with or without a bias on the projection after attention. */
  public BlockOptions withProjectionBias(boolean projectionBias) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns these options with or without biases in the feed-forward part. */
  public BlockOptions withMlpBias(boolean mlpBias) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns these options with or without norms on the heads of query and key. */
  public BlockOptions withQueryKeyNorm(boolean queryKeyNorm) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns these options with other layers that leave out the rotary embedding. */
  public BlockOptions withUnrotated(SortedSet<Integer> unrotated) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns these options with other layers that leave out the window. */
  public BlockOptions withUnwindowed(SortedSet<Integer> unwindowed) {
    return new BlockOptions(
        queryKeyValueBias, projectionBias, mlpBias, queryKeyNorm, unrotated, unwindowed);
  }

  /** Returns what layer {@code index} computes where the decoder as a whole has {@code common}. */
  AttentionConfig attention(AttentionConfig common, int index) {
    AttentionConfig rotated = unrotated.contains(index) ? common.withRotary(null) : common;
    return unwindowed.contains(index) ? rotated.withWindow(0) : rotated;
  }

  /** Checks the indices against a number of layers. */
  void check(int layers) {
    checkIndices("unrotated", unrotated, layers);
    checkIndices("unwindowed", unwindowed, layers);
  }

  private static void checkIndices(String name, SortedSet<Integer> indices, int layers) {
    checkArgument(
        indices.isEmpty() || (indices.first() >= 0 && indices.last() < layers),
        "decoder: %s names layers from 0 to %s, got %s",
        name,
        layers - 1,
        indices);
  }
}
