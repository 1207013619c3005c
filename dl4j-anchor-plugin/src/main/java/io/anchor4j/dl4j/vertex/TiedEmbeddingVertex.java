package io.anchor4j.dl4j.vertex;

import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Passes its input on to a {@link io.anchor4j.dl4j.layer.LanguageModelOutputLayer} and hands that
 * layer the embedding it is tied to.
 *
 * <p>A layer does not know the network it is in; a vertex does, also in a network that was
 * restored, cloned or edited. So the link is made here, in each forward pass:
 *
 * <pre>{@code
 * .addVertex("tied", new TiedEmbeddingVertex(), "norm")
 * .addLayer("output", new LanguageModelOutputLayer.Builder().tiedTo("embedding")...build(), "tied")
 * }</pre>
 */
public final class TiedEmbeddingVertex extends TokenVertex {
  private static final long serialVersionUID = 1L;

  @Override
  TokenVertexImpl implement(ComputationGraph graph, String name, int index, DataType type) {
    return new TiedEmbeddingVertexImpl(graph, name, index, type);
  }

  @Override
  public int minVertexInputs() {
    return 1;
  }

  @Override
  public int maxVertexInputs() {
    return 1;
  }

  @Override
  public TiedEmbeddingVertex clone() {
    return new TiedEmbeddingVertex();
  }
}
