package io.anchor4j.huggingface.safetensors;

import com.google.common.base.Preconditions;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A tensor in an open file, and its values as Java numbers. What is read is mapped for as long as
 * that takes: the pages are the operating system's, and a tensor larger than memory costs none
 * beyond the array read into. Safe for use by several threads.
 */
public final class MappedTensor {
  /** A buffer addresses at most 2 GiB. */
  static final int WINDOW_BYTES = 1 << 30;

  private final FileChannel channel;
  private final Path path;
  private final TensorInfo info;
  private final int windowBytes;

  MappedTensor(FileChannel channel, Path path, TensorInfo info, int windowBytes) {
    this.channel = channel;
    this.path = path;
    this.info = info;
    this.windowBytes = windowBytes;
  }

  /** Returns the tensor's name, type, shape and place. */
  public TensorInfo info() {
    return info;
  }

  /**
   * Maps the elements {@code first} to {@code first + count - 1}, in row-major order.
   *
   * @throws IndexOutOfBoundsException if they do not exist
   * @throws IllegalArgumentException if they take more than 1 GiB
   * @throws SafetensorsException if the type is one of less than a byte
   * @throws IOException if they cannot be mapped
   */
  public TensorWindow window(long first, int count) throws IOException {
    if (first < 0 || count < 0 || first > info.elements() - count) {
      throw new IndexOutOfBoundsException(
          "elements "
              + first
              + " to "
              + (first + count)
              + " of tensor \""
              + info.name()
              + "\", which has "
              + info.elements());
    }
    if (info.type().bits() < 8) {
      throw unreadable("elements", "types of at least a byte");
    }
    long begin = info.begin() + first * (info.type().bits() / 8);
    long bytes = (long) count * (info.type().bits() / 8);
    Preconditions.checkArgument(bytes <= WINDOW_BYTES, "a window of %s bytes", bytes);
    if (begin + bytes > channel.size()) {
      throw new IOException(path + ": the file became shorter while it was read");
    }
    MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, begin, bytes);
    mapped.order(ByteOrder.LITTLE_ENDIAN);
    return new TensorWindow(this, first, count, mapped);
  }

  /**
   * Reads the elements {@code first} to {@code first + count - 1}, in row-major order, into {@code
   * target} from {@code offset} on. F16 and BF16 widen exactly; F64 is rounded to the nearest
   * float.
   *
   * @throws SafetensorsException if the type is not one of F32, F16, BF16, F64
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   * @throws IOException if the file cannot be read
   */
  public void readFloats(long first, float[] target, int offset, int count) throws IOException {
    eachWindow(first, count, (w, done, n) -> w.readFloats(0, target, offset + done, n));
  }

  /**
   * Reads integers as {@link #readFloats} reads floats.
   *
   * @throws SafetensorsException if the type is not I32 or I64, or a value does not fit an int
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   * @throws IOException if the file cannot be read
   */
  public void readInts(long first, int[] target, int offset, int count) throws IOException {
    eachWindow(first, count, (w, done, n) -> w.readInts(0, target, offset + done, n));
  }

  /** Reads the {@code count} elements of {@code window}, where {@code done} are read already. */
  private interface Part {
    void read(TensorWindow window, int done, int count);
  }

  private void eachWindow(long first, int count, Part part) throws IOException {
    int most = (int) (windowBytes * 8L / info.type().bits());
    int done = 0;
    do {
      int n = Math.min(count - done, most);
      try (TensorWindow window = window(first + done, n)) {
        part.read(window, done, n);
      }
      done += n;
    } while (done < count);
  }

  int narrow(long value, long element) {
    if (value != (int) value) {
      throw new SafetensorsException(
          path, info.name(), info.begin() + 8 * element, value + " does not fit 32 bits");
    }
    return (int) value;
  }

  SafetensorsException unreadable(String kind, String readable) {
    return new SafetensorsException(
        path,
        info.name(),
        info.begin(),
        "cannot be read as "
            + kind
            + ": its dtype is "
            + info.type()
            + ", readable are "
            + readable);
  }
}
