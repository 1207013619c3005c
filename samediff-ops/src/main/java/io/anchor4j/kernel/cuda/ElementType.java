package io.anchor4j.kernel.cuda;

import org.nd4j.linalg.api.buffer.DataType;

/** The types of elements that kernels know, by their codes in {@code parameters.cuh}. */
enum ElementType {
  FLOAT32(0, 4, 0),
  BFLOAT16(1, 2, 14),
  FLOAT16(2, 2, 2),
  FLOAT64(3, 8, 1);

  final int code;

  /** Bytes of an element. */
  final int bytes;

  /** Its {@code cudaDataType}, for cuBLAS. */
  final int cudaDataType;

  ElementType(int code, int bytes, int cudaDataType) {
    this.code = code;
    this.bytes = bytes;
    this.cudaDataType = cudaDataType;
  }

  static ElementType of(DataType type) {
    return switch (type) {
      case FLOAT -> FLOAT32;
      case BFLOAT16 -> BFLOAT16;
      case HALF -> FLOAT16;
      case DOUBLE -> FLOAT64;
      default -> throw new IllegalArgumentException("the cuda kernels know no " + type + " arrays");
    };
  }

  /** The type that values of this one are computed and summed in. */
  ElementType wide() {
    return this == FLOAT64 ? FLOAT64 : FLOAT32;
  }
}
