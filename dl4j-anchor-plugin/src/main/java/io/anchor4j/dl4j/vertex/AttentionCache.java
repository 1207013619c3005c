package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.layer.KeyValueCache;
import io.anchor4j.dl4j.layer.TokenMajor;
import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.RotaryEmbedding;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The tokens that a graph has seen step by step: document ids and positions once, keys and values
 * for each {@link AnchorAttentionVertex}.
 *
 * <p>Keys are kept as they were rotated in their own step. Frequencies that depend on the length of
 * the row (dynamic NTK, LongRoPE) are those of that step, by its own largest position, as in
 * transformers; and no step rotates the keys before it again. Under a sliding window tokens that no
 * later one can see are dropped.
 */
public final class AttentionCache {
  private static final ThreadLocal<AttentionCache> IN_USE = new ThreadLocal<>();
  private static final int UNLIMITED = Integer.MAX_VALUE;

  private final ComputationGraph graph;
  private final Map<String, KeyValueCache> vertices = new HashMap<>();
  private int[][] documents;
  private int[][] positions;
  private int steps;
  private INDArray documentArray; // INT [B, T]
  private INDArray stepPositions; // INT [B, steps]
  private INDArray positionArray; // INT [B, T]

  /** How far back the vertices see, and whether anchors stay in sight beyond. */
  private int reach;

  private boolean anchorsStay;

  /** An empty cache for rows that go through {@code graph}. */
  public AttentionCache(ComputationGraph graph) {
    this.graph = graph;
  }

  /** Returns the cache that is in use for a call of {@code graph}, or null outside such a call. */
  @SuppressWarnings("ReferenceEquality") // Two graphs of equal weights are still two graphs.
  static AttentionCache inUse(ComputationGraph graph) {
    AttentionCache cache = IN_USE.get();
    return cache != null && cache.graph == graph ? cache : null;
  }

  /**
   * Runs a forward pass of the graph on the next tokens of each row, in which they attend to all
   * tokens so far.
   *
   * @param nextDocuments [B][steps]
   * @param nextPositions [B][steps]
   * @param forward calls {@code output} of the graph with the next tokens, in this thread
   * @return what {@code forward} returns
   */
  public <T> T step(int[][] nextDocuments, int[][] nextPositions, Supplier<T> forward) {
    checkState(IN_USE.get() == null, "AttentionCache: a step is under way in this thread");
    documents = joined(documents, nextDocuments);
    positions = joined(positions, nextPositions);
    steps = nextDocuments[0].length;
    documentArray = Nd4j.createFromArray(documents);
    positionArray = Nd4j.createFromArray(positions);
    stepPositions = Nd4j.createFromArray(nextPositions);
    reach = 0;
    IN_USE.set(this);
    T result;
    try {
      result = forward.get();
    } finally {
      IN_USE.remove();
    }
    dropUnseen();
    return result;
  }

  /** The number of tokens of each row that are kept. */
  public int tokens() {
    return documents == null ? 0 : documents[0].length;
  }

  /** The attention of a vertex in this step: adds its keys and values, and asks all so far. */
  AnchorAttention attention(
      AnchorAttentionVertexImpl vertex,
      AnchorAttentionVertex conf,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray out,
      INDArray sums) {
    AttentionConfig config = conf.getAttention();
    checkState(
        config.causal(),
        "%s: step by step needs causal attention: without, outputs depend on tokens still to come",
        vertex);
    KeyValueCache cache =
        vertices.computeIfAbsent(
            vertex.getVertexName(),
            name -> new KeyValueCache(key.size(0), key.size(2), key.dataType()));
    checkState(
        cache.tokens() + steps == tokens(),
        "%s: a step before ended in an error and left %s tokens of %s. Begin anew.",
        vertex,
        cache.tokens(),
        tokens() - steps);
    cache.append(vertex.toString(), rotated(key, conf.getKvHeads(), config), value);
    reach = Math.max(reach, config.window() == 0 ? UNLIMITED : config.window());
    anchorsStay |= config.mask() != AttentionMask.FULL;
    return new AnchorAttention(
        config.withRotary(null),
        TokenMajor.heads(rotated(query, conf.getHeads(), config), conf.getHeads()),
        cache.keyHeads(conf.getKvHeads()),
        cache.valueHeads(conf.getKvHeads()),
        documentArray,
        positionArray,
        TokenMajor.heads(out, conf.getHeads()),
        sums);
  }

  /** Returns [B, steps, heads * D], turned by the positions of this step. */
  private INDArray rotated(INDArray tokens, int heads, AttentionConfig config) {
    if (config.rotary() == null) {
      return tokens;
    }
    INDArray rotated = Nd4j.createUninitialized(tokens.dataType(), tokens.shape(), 'c');
    Nd4j.exec(
        new RotaryEmbedding(
            config.rotary(),
            RotaryEmbedding.Direction.FORWARD,
            TokenMajor.heads(tokens, heads),
            stepPositions,
            TokenMajor.heads(rotated, heads)));
    return rotated;
  }

  /**
   * Drops the tokens before the last window, but for columns in which some row has an anchor that
   * stays in sight. Distances within the window do not change; in such a column the other rows'
   * tokens become padding, lest they come nearer. Waits until half would go, so that copying costs
   * each token once or twice.
   */
  private void dropUnseen() {
    int unseen = tokens() - reach + 1; // The next token sees its own reach, itself included.
    if (reach == UNLIMITED || unseen < tokens() / 2) {
      return;
    }
    int[] kept =
        IntStream.range(0, tokens())
            .filter(t -> t >= unseen || (anchorsStay && anyAnchor(t)))
            .toArray();
    if (kept.length > tokens() / 2) {
      return;
    }
    for (int[] row : documents) {
      for (int t = 0; t < unseen; t++) {
        row[t] = row[t] == AttentionMask.ANCHOR_ID ? row[t] : AttentionMask.PADDING_ID;
      }
    }
    documents = chosen(documents, kept);
    positions = chosen(positions, kept);
    vertices.values().forEach(cache -> cache.keep(kept));
  }

  private boolean anyAnchor(int token) {
    return Arrays.stream(documents).anyMatch(row -> row[token] == AttentionMask.ANCHOR_ID);
  }

  private static int[][] chosen(int[][] rows, int[] kept) {
    return Arrays.stream(rows)
        .map(row -> Arrays.stream(kept).map(t -> row[t]).toArray())
        .toArray(int[][]::new);
  }

  private static int[][] joined(int[][] before, int[][] next) {
    var rows = new int[next.length][];
    for (int b = 0; b < next.length; b++) {
      int known = before == null ? 0 : before[b].length;
      rows[b] = Arrays.copyOf(before == null ? new int[0] : before[b], known + next[b].length);
      System.arraycopy(next[b], 0, rows[b], known, next[b].length);
    }
    return rows;
  }
}
