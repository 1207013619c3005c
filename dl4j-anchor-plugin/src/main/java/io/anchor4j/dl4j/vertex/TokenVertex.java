package io.anchor4j.dl4j.vertex;

import java.util.List;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.inputs.InvalidInputTypeException;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;

/** What the configurations of this package share: sequences, no parameters, equality by options. */
abstract class TokenVertex extends GraphVertex {
  private static final long serialVersionUID = 1L;

  /** The options of this vertex. */
  abstract List<Object> options();

  /** Elements a token needs in training beside the output, for the memory report. */
  abstract long trainingElementsPerToken(InputType.InputTypeRecurrent first);

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
    long elements = trainingElementsPerToken(first) * first.getTimeSeriesLength();
    return new LayerMemoryReport.Builder(null, getClass(), first, first)
        .standardMemory(0, 0)
        .workingMemory(0, 0, 0, elements)
        .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS)
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
