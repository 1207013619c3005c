package io.anchor4j.dl4j.vertex;

import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The sum of two sequences [B, C, T].
 *
 * <p>DL4J's {@code ElementWiseVertex} computes the same, but turns a mask of document numbers into
 * 0 and 1, and leaves the sum in another memory layout, so that every layer after it would
 * transpose.
 */
public final class ResidualVertex extends TokenVertex {
  private static final long serialVersionUID = 1L;

  @Override
  TokenVertexImpl implement(ComputationGraph graph, String name, int index, DataType type) {
    return new ResidualVertexImpl(graph, name, index, type);
  }

  @Override
  public int minVertexInputs() {
    return 2;
  }

  @Override
  public int maxVertexInputs() {
    return 2;
  }

  @Override
  public ResidualVertex clone() {
    return new ResidualVertex();
  }
}
