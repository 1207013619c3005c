package io.anchor4j.benchmarks.work;

import io.anchor4j.attention.Precision;
import org.nd4j.linalg.api.buffer.DataType;

/** {@code silu(gate) * up}, and its gradients if {@code backward}. */
public record GatedSiluWork(DataType type, int tokens, int channels, boolean backward)
    implements Work {

  @Override
  public Precision precision() {
    return type == DataType.BFLOAT16 ? Precision.BFLOAT16 : Precision.FLOAT32;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public long totalTokens() {
    return tokens;
  }

  @Override
  public String label() {
    return "gatedSilu, %d x %d, %s"
        .formatted(tokens, channels, backward ? "forward + backward" : "forward");
  }
}
