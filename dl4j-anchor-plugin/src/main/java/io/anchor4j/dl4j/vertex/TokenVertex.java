package io.anchor4j.dl4j.vertex;

import java.util.List;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.inputs.InvalidInputTypeException;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What the configurations of this package share: sequences, no parameters, equality by options. */
abstract class TokenVertex extends GraphVertex {
  private static final long serialVersionUID = 1L;

  /** The options of this vertex, none unless it has some. */
  List<Object> options() {
    return List.of();
  }

  /** Elements a token needs beside the output, in training until the backward pass. */
  long elementsPerToken() {
    return 0;
  }

  abstract TokenVertexImpl implement(ComputationGraph graph, String name, int index, DataType type);

  @Override
  public org.deeplearning4j.nn.graph.vertex.GraphVertex instantiate(
      ComputationGraph graph,
      String name,
      int idx,
      INDArray paramsView,
      boolean initializeParams,
      DataType networkDatatype) {
    return implement(graph, name, idx, networkDatatype);
  }

  @Override
  public long numParams(boolean backprop) {
    return 0;
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType... vertexInputs)
      throws InvalidInputTypeException {
    if (vertexInputs.length < minVertexInputs()
        || vertexInputs.length > maxVertexInputs()
        || !(vertexInputs[0] instanceof InputType.InputTypeRecurrent)) {
      throw new InvalidInputTypeException(
          "%s takes %d to %d inputs, sequences [batch, size, tokens] (InputType.recurrent), got %s"
              .formatted(
                  getClass().getSimpleName(),
                  minVertexInputs(),
                  maxVertexInputs(),
                  List.of(vertexInputs)));
    }
    return vertexInputs[0];
  }

  @Override
  public MemoryReport getMemoryReport(InputType... inputTypes) {
    var first = (InputType.InputTypeRecurrent) getOutputType(-1, inputTypes);
    long elements = elementsPerToken() * first.getTimeSeriesLength();
    return new LayerMemoryReport.Builder(null, getClass(), first, first)
        .standardMemory(0, 0)
        .workingMemory(0, elements, 0, 0)
        .cacheMemory(0, elements)
        .build();
  }

  private List<Object> identity() {
    return List.of(getClass(), options());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenVertex vertex && identity().equals(vertex.identity());
  }

  @Override
  public int hashCode() {
    return identity().hashCode();
  }

  @Override
  public String toString() {
    return getClass().getSimpleName() + options();
  }
}
