package io.anchor4j.dl4j.vertex;

import java.util.List;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The sum of two sequences [B, C, T].
 *
 * <p>DL4J's {@code ElementWiseVertex} computes the same, but leaves the sum in another memory
 * layout, so that every layer after it would transpose.
 */
public final class ResidualVertex extends TokenVertex {
  private static final long serialVersionUID = 1L;

  @Override
  public org.deeplearning4j.nn.graph.vertex.GraphVertex instantiate(
      ComputationGraph graph,
      String name,
      int idx,
      INDArray paramsView,
      boolean initializeParams,
      DataType networkDatatype) {
    return new ResidualVertexImpl(graph, name, idx, networkDatatype);
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
  List<Object> options() {
    return List.of();
  }

  @Override
  long trainingElementsPerToken(InputType.InputTypeRecurrent first) {
    return 0;
  }

  @Override
  public ResidualVertex clone() {
    return new ResidualVertex();
  }
}
