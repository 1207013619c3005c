package io.anchor4j.benchmarks.work;

import io.anchor4j.attention.Precision;
import org.nd4j.linalg.api.buffer.DataType;

/** Clipping and updating that many float32 parameters, one flat vector. */
public record AdamWWork(int parameters) implements Work {

  /** All of it is in float32, whatever the products of a network are in. */
  public DataType type() {
    return DataType.FLOAT;
  }

  @Override
  public Precision precision() {
    return Precision.FLOAT32;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public long totalTokens() {
    return 0;
  }

  @Override
  public String label() {
    return "AdamW with clipping, %.1f million parameters".formatted(parameters / 1e6);
  }
}
