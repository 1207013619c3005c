package io.anchor4j.kernel.reference;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.Bfloat16;
import java.util.function.DoubleUnaryOperator;
import org.nd4j.linalg.api.buffer.DataType;

/** What a precision does to the operands of a matrix product. */
final class Rounding {
  private Rounding() {}

  static DoubleUnaryOperator of(Precision precision, DataType type) {
    return precision == Precision.FLOAT32 || type == DataType.DOUBLE
        ? DoubleUnaryOperator.identity()
        : Bfloat16::round;
  }

  /** The score product's operands are exact except in plain bfloat16. */
  static DoubleUnaryOperator ofScores(Precision precision, DataType type) {
    return precision == Precision.BFLOAT16_COMPENSATED
        ? DoubleUnaryOperator.identity()
        : of(precision, type);
  }
}
