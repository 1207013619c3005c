package io.anchor4j.kernel.cuda;

import io.anchor4j.attention.Precision;

/** What attention_pack makes of arrays, by its code in {@code parameters.cuh}. */
enum PackFormat {
  FLOAT32(0, 4),
  BFLOAT16(1, 2),
  /** Scores' operands as two bfloat16 each. */
  PAIR(2, 2),
  FLOAT64(3, 8);

  final int code;
  private final int bytes;

  PackFormat(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** Returns the format of arrays of that type under that precision. */
  static PackFormat of(ElementType type, Precision precision) {
    if (type == ElementType.FLOAT64) {
      return FLOAT64;
    }
    return switch (precision) {
      case FLOAT32 -> FLOAT32;
      case BFLOAT16 -> BFLOAT16;
      case BFLOAT16_COMPENSATED -> PAIR;
    };
  }

  /** Bytes of a packed element. */
  int bytes() {
    return bytes;
  }

  boolean tensorCores() {
    return bytes == 2;
  }

  /** The type of tables and sums beside it. */
  ElementType wide() {
    return this == FLOAT64 ? ElementType.FLOAT64 : ElementType.FLOAT32;
  }
}
