package io.anchor4j.dl4j.vertex;

import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Gives documents that are an input of the graph to an {@link
 * io.anchor4j.dl4j.layer.AnchorAttentionLayer}, which has one input.
 *
 * <p>Stands before the layer and passes its input on as it is. The features mask is left alone, so
 * that the graph's other layers see what they always saw, and what it hides stays hidden.
 *
 * <p>Inputs in this order, the integers last:
 *
 * <ol>
 *   <li>activations [B, C, T]
 *   <li>documents INT [B, T]: 0 anchor, n document n, -1 padding
 *   <li>positions INT [B, T], may be left out (then as the layer is configured)
 * </ol>
 *
 * <p>Only such layers may read it: any other reader is an IllegalStateException.
 */
public final class DocumentsVertex extends TokenVertex {
  private static final long serialVersionUID = 1L;

  @Override
  TokenVertexImpl implement(ComputationGraph graph, String name, int index, DataType type) {
    return new DocumentsVertexImpl(graph, name, index, type);
  }

  @Override
  public int minVertexInputs() {
    return 2;
  }

  @Override
  public int maxVertexInputs() {
    return 3;
  }

  @Override
  public DocumentsVertex clone() {
    return new DocumentsVertex();
  }
}
