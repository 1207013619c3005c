package io.anchor4j.benchmarks.work;

import io.anchor4j.attention.Precision;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * A linear layer without bias.
 *
 * @param type of all arrays
 * @param tokens rows of the input
 * @param backward whether the gradients of input and weight are computed too
 */
public record LinearWork(
    DataType type, Precision precision, int tokens, int inputs, int outputs, boolean backward)
    implements Work {

  @Override
  public double operations() {
    return 2.0 * (backward ? 3 : 1) * tokens * inputs * outputs;
  }

  @Override
  public long totalTokens() {
    return tokens;
  }

  @Override
  public String label() {
    return "linear, %d x %d to %d, %s"
        .formatted(tokens, inputs, outputs, backward ? "forward + backward" : "forward");
  }
}
