package io.anchor4j.huggingface.safetensors;

import java.util.Optional;

/**
 * The element types that a safetensors header may name.
 *
 * <p>All are understood in the header, so that a file with a tensor of any of them opens. Values
 * are read as floats from F32, F16, BF16 and F64, and as integers from I32 and I64.
 */
public enum TensorType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  F8_E4M3FNUZ(8),
  F8_E5M2FNUZ(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private final int bits;

  TensorType(int bits) {
    this.bits = bits;
  }

  /** Returns the size of an element in bits: below eight for the packed F4 and F6 types. */
  public int bits() {
    return bits;
  }

  /** Returns the type called {@code name} in a header, or nothing if there is none. */
  static Optional<TensorType> named(String name) {
    for (TensorType type : values()) {
      if (type.name().equals(name)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }
}
