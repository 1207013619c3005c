package io.anchor4j.huggingface.safetensors;

import java.io.IOException;
import java.util.List;

/**
 * A tensor to be written: what the header says of it, and where its values come from when their
 * turn comes, so that a model is never in memory twice.
 *
 * @param name as it shall stand in the header
 * @param type of the elements in the file
 * @param shape sizes of the dimensions, slowest first
 * @param content gives the values, in row-major order
 */
public record TensorSource(String name, TensorType type, List<Long> shape, Content content) {

  /** Gives all values of a tensor to a sink, in pieces of any size. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes every value of the tensor once, in row-major order.
     *
     * @throws IOException if the sink cannot write
     */
    void writeTo(TensorSink sink) throws IOException;
  }

  /**
   * Checks that the size in bytes exists.
   *
   * @throws IllegalArgumentException if a dimension is negative, or the tensor has no whole number
   *     of bytes below 2^63, or its name is that of the metadata
   */
  public TensorSource {
    shape = List.copyOf(shape);
    boolean negative = shape.stream().anyMatch(size -> size < 0);
    if (negative || TensorInfo.bytes(type, shape).isEmpty()) {
      throw new IllegalArgumentException(
          "tensor \"" + name + "\": no size in bytes for " + type + " " + shape);
    }
    if (name.equals(SafetensorsHeader.METADATA)) {
      throw new IllegalArgumentException("a tensor cannot be called " + name);
    }
  }

  /** Returns a source of floats that are in memory already. */
  public static TensorSource ofFloats(
      String name, TensorType type, List<Long> shape, float[] values) {
    return new TensorSource(name, type, shape, sink -> sink.writeFloats(values, 0, values.length));
  }

  /** Returns a source of integers that are in memory already, stored as I32. */
  public static TensorSource ofInts(String name, List<Long> shape, int[] values) {
    return new TensorSource(
        name, TensorType.I32, shape, sink -> sink.writeInts(values, 0, values.length));
  }

  long bytes() {
    return TensorInfo.bytes(type, shape).orElseThrow();
  }
}
