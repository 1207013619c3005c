package io.anchor4j.decoder;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.dl4j.vertex.AttentionCache;
import io.anchor4j.kernel.KernelProvider.HeldWeights;
import io.anchor4j.kernel.KernelProviders;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A decoder that reads rows step by step and says what may follow, with a key/value cache: first a
 * whole prompt, then a token at a time, or any pieces.
 *
 * <p>Logits are those of the whole row so far, under every mask, window and kind of position. Not
 * so under scalings that go by the length of the row: keys stay as their own step rotated them, as
 * in transformers. Dynamic NTK departs from the whole row with every step beyond the length it
 * starts from; LongRoPE where a step takes another of its two lists than a step before, as when the
 * row outgrows the original length, or a document's positions begin anew. Memory: {@code 2 * layers
 * * Hkv * D} numbers a token, under a sliding window for about two windows at most, and what the
 * kernels keep of the weights.
 *
 * <p>Nothing may change the graph's weights before the session is closed, and one thread at a time
 * may use the graph.
 */
public final class DecodingSession implements AutoCloseable {
  private final ComputationGraph graph;
  private final AttentionCache cache;
  private final HeldWeights weights;
  private int batch;
  private boolean closed;

  /**
   * Begins rows without tokens.
   *
   * @param graph a decoder
   * @throws IllegalArgumentException if it has other inputs than {@link Decoder}'s
   */
  public DecodingSession(ComputationGraph graph) {
    List<String> inputs = List.of(Decoder.TOKENS, Decoder.DOCUMENTS, Decoder.POSITIONS);
    checkArgument(
        graph.getConfiguration().getNetworkInputs().equals(inputs),
        "DecodingSession: the graph must be a decoder with inputs %s, got %s",
        inputs,
        graph.getConfiguration().getNetworkInputs());
    this.graph = graph;
    cache = new AttentionCache(graph);
    weights = KernelProviders.best().holdWeights(graph.params());
  }

  /**
   * Reads the next tokens of each row and returns the logits of what follows the last of them. Rows
   * that are shorter begin with padding (token any, document -1, position 0); padding goes on a row
   * that has ended.
   *
   * @param tokens [B][steps], ids
   * @param documents [B][steps]: 0 anchor, n document n, -1 padding
   * @param positions [B][steps]
   * @return [B, V]; of a row whose last token is padding, meaningless
   * @throws IllegalArgumentException if the arrays differ in shape, B from the step before, or an
   *     id is outside the vocabulary. The session is then of no more use.
   * @throws IllegalStateException if the session is closed, or a step before ended in an error
   */
  public INDArray step(int[][] tokens, int[][] documents, int[][] positions) {
    checkState(!closed, "DecodingSession: is closed");
    checkShape("tokens", tokens, tokens);
    checkShape("documents", documents, tokens);
    checkShape("positions", positions, tokens);
    checkArgument(
        batch == 0 || batch == tokens.length,
        "DecodingSession: the steps before had %s rows, this one has %s",
        batch,
        tokens.length);
    batch = tokens.length;
    INDArray[] inputs = {
      Nd4j.createFromArray(tokens), Nd4j.createFromArray(documents), Nd4j.createFromArray(positions)
    };
    INDArray hidden = cache.step(documents, positions, () -> Decoder.hidden(graph, inputs));
    // Not get(point): on a view it gives an empty array at times.
    INDArray last = hidden.tensorAlongDimension(hidden.size(2) - 1, 0, 1); // [B, C]
    INDArray logits =
        Decoder.outputLayer(graph).logits(last.dup('c').reshape(batch, hidden.size(1), 1));
    return logits.reshape(batch, logits.size(2));
  }

  private static void checkShape(String name, int[][] rows, int[][] tokens) {
    boolean fits = rows.length > 0 && rows.length == tokens.length && tokens[0].length > 0;
    for (int b = 0; fits && b < rows.length; b++) {
      fits = rows[b].length == tokens[0].length;
    }
    checkArgument(
        fits,
        "DecodingSession: %s must be [batch][steps], as many in every row and as tokens, one at"
            + " least",
        name);
  }

  /** The number of tokens of each row that are kept, padding included. */
  public int cachedTokens() {
    return cache.tokens();
  }

  @Override
  public void close() {
    closed = true;
    weights.close();
  }
}
