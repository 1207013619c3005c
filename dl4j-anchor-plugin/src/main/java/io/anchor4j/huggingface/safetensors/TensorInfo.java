package io.anchor4j.huggingface.safetensors;

import java.util.List;
import java.util.OptionalLong;

/**
 * What a header says of one tensor.
 *
 * @param name as in the header
 * @param type of the elements
 * @param shape sizes of the dimensions, slowest first; empty for a scalar
 * @param begin first byte of the tensor, counted from the start of the file
 * @param end one past the last byte, counted from the start of the file
 */
public record TensorInfo(String name, TensorType type, List<Long> shape, long begin, long end) {

  /** Takes a copy of {@code shape}. */
  public TensorInfo {
    shape = List.copyOf(shape);
  }

  /** Returns the number of elements. */
  public long elements() {
    return elements(shape).orElseThrow();
  }

  /** Returns the number of bytes in the file. */
  public long bytes() {
    return end - begin;
  }

  /** Returns the product of the dimensions, or nothing if it does not fit 64 bits. */
  static OptionalLong elements(List<Long> shape) {
    // A zero anywhere makes the product zero, but as in the reference implementation a product that
    // overflows on the way to it is refused.
    try {
      long product = 1;
      for (long size : shape) {
        product = Math.multiplyExact(product, size);
      }
      return OptionalLong.of(product);
    } catch (ArithmeticException overflow) {
      return OptionalLong.empty();
    }
  }

  /** Returns the bytes that the elements take, or nothing if not a whole number in 64 bits. */
  static OptionalLong bytes(TensorType type, List<Long> shape) {
    OptionalLong elements = elements(shape);
    if (elements.isEmpty() || elements.getAsLong() > Long.MAX_VALUE / type.bits()) {
      return OptionalLong.empty();
    }
    long bits = elements.getAsLong() * type.bits();
    return bits % 8 == 0 ? OptionalLong.of(bits / 8) : OptionalLong.empty();
  }
}
