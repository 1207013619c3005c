package io.anchor4j.huggingface.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** Takes one tensor's values in row-major order and writes them in the tensor's type. */
public final class TensorSink {
  private static final int BUFFER_BYTES = 1 << 18;

  private final WritableByteChannel channel;
  private final TensorSource source;
  private final ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long written;

  TensorSink(WritableByteChannel channel, TensorSource source) {
    this.channel = channel;
    this.source = source;
  }

  /**
   * Writes {@code count} values of {@code values} from {@code offset} on, rounded to the nearest
   * value of the tensor's type.
   *
   * @throws IllegalArgumentException if the tensor's type is not one of F32, F16, BF16, F64
   * @throws IOException if they cannot be written
   */
  public void writeFloats(float[] values, int offset, int count) throws IOException {
    TensorType type = source.type();
    int elementBytes = type.bits() / 8;
    for (int i = offset; i < offset + count; i++) {
      require(elementBytes);
      switch (type) {
        case F32 -> buffer.putFloat(values[i]);
        case F64 -> buffer.putDouble(values[i]);
        case F16 -> buffer.putShort(SixteenBitFloats.toHalf(values[i]));
        case BF16 -> buffer.putShort(SixteenBitFloats.toBfloat16(values[i]));
        default -> throw mismatch("floats");
      }
    }
  }

  /**
   * Writes {@code count} values of {@code values} from {@code offset} on.
   *
   * @throws IllegalArgumentException if the tensor's type is not I32
   * @throws IOException if they cannot be written
   */
  public void writeInts(int[] values, int offset, int count) throws IOException {
    if (source.type() != TensorType.I32) {
      throw mismatch("integers");
    }
    for (int i = offset; i < offset + count; i++) {
      require(Integer.BYTES);
      buffer.putInt(values[i]);
    }
  }

  /**
   * Writes bytes as they are: for tensors of any type, and for copies from another file.
   *
   * @throws IOException if they cannot be written
   */
  public void writeBytes(ByteBuffer bytes) throws IOException {
    flush();
    written += bytes.remaining();
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private void require(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
  }

  private void flush() throws IOException {
    buffer.flip();
    written += buffer.remaining();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  /** Writes what is still buffered, and checks that the tensor is whole. */
  void finish() throws IOException {
    flush();
    if (written != source.bytes()) {
      throw new IllegalStateException(
          "tensor \""
              + source.name()
              + "\": "
              + written
              + " bytes were written, but "
              + source.type()
              + " "
              + source.shape()
              + " has "
              + source.bytes());
    }
  }

  private IllegalArgumentException mismatch(String kind) {
    return new IllegalArgumentException(
        "tensor \"" + source.name() + "\" of type " + source.type() + " does not take " + kind);
  }
}
