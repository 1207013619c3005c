package io.anchor4j.huggingface.safetensors;

import com.google.common.base.Preconditions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A tensor's bytes, mapped from its file, and their values as Java numbers.
 *
 * <p>A buffer addresses at most 2 GiB, so larger tensors are mapped in windows; an element never
 * lies across two. The pages are the operating system's: reading a tensor once costs no memory
 * beyond the array read into.
 */
public final class MappedTensor {
  /** A multiple of every element's size. */
  static final int WINDOW_BYTES = 1 << 30;

  private final Path path;
  private final TensorInfo info;
  private final int windowBytes;
  private final ByteBuffer[] windows;

  private MappedTensor(Path path, TensorInfo info, int windowBytes, ByteBuffer[] windows) {
    this.path = path;
    this.info = info;
    this.windowBytes = windowBytes;
    this.windows = windows;
  }

  static MappedTensor map(FileChannel channel, Path path, TensorInfo info, int windowBytes)
      throws IOException {
    int count = Math.toIntExact((info.bytes() + windowBytes - 1) / windowBytes);
    ByteBuffer[] windows = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      long begin = info.begin() + (long) i * windowBytes;
      windows[i] =
          channel
              .map(FileChannel.MapMode.READ_ONLY, begin, Math.min(windowBytes, info.end() - begin))
              .order(ByteOrder.LITTLE_ENDIAN);
    }
    return new MappedTensor(path, info, windowBytes, windows);
  }

  /** Returns the tensor's name, type, shape and place. */
  public TensorInfo info() {
    return info;
  }

  /**
   * Reads the elements {@code first} to {@code first + count - 1}, in row-major order, into {@code
   * target} from {@code offset} on. F16 and BF16 widen exactly; F64 is rounded to the nearest
   * float.
   *
   * @throws SafetensorsException if the type is not one of F32, F16, BF16, F64
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   */
  public void readFloats(long first, float[] target, int offset, int count) {
    checkRange(first, count, offset, target.length);
    switch (info.type()) {
      case F32 ->
          eachWindow(
              first,
              count,
              4,
              (w, at, done, n) -> w.asFloatBuffer().get(at, target, offset + done, n));
      case F64 ->
          eachWindow(
              first,
              count,
              8,
              (w, at, done, n) -> {
                var doubles = w.asDoubleBuffer();
                for (int i = 0; i < n; i++) {
                  target[offset + done + i] = (float) doubles.get(at + i);
                }
              });
      case F16 ->
          eachWindow(
              first,
              count,
              2,
              (w, at, done, n) -> {
                var halves = w.asShortBuffer();
                for (int i = 0; i < n; i++) {
                  target[offset + done + i] = SixteenBitFloats.fromHalf(halves.get(at + i));
                }
              });
      case BF16 ->
          eachWindow(
              first,
              count,
              2,
              (w, at, done, n) -> {
                var halves = w.asShortBuffer();
                for (int i = 0; i < n; i++) {
                  target[offset + done + i] = SixteenBitFloats.fromBfloat16(halves.get(at + i));
                }
              });
      default -> throw unreadable("floats", "F32, F16, BF16 or F64");
    }
  }

  /**
   * Reads integers as {@link #readFloats} reads floats.
   *
   * @throws SafetensorsException if the type is not I32 or I64, or a value does not fit an int
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   */
  public void readInts(long first, int[] target, int offset, int count) {
    checkRange(first, count, offset, target.length);
    switch (info.type()) {
      case I32 ->
          eachWindow(
              first,
              count,
              4,
              (w, at, done, n) -> w.asIntBuffer().get(at, target, offset + done, n));
      case I64 ->
          eachWindow(
              first,
              count,
              8,
              (w, at, done, n) -> {
                var longs = w.asLongBuffer();
                for (int i = 0; i < n; i++) {
                  target[offset + done + i] = narrow(longs.get(at + i), first + done + i);
                }
              });
      default -> throw unreadable("integers", "I32 or I64");
    }
  }

  /** Reads {@code count} elements from window {@code w}, where {@code done} are read already. */
  private interface Chunk {
    void read(ByteBuffer w, int at, int done, int count);
  }

  private void eachWindow(long first, int count, int elementBytes, Chunk chunk) {
    int perWindow = windowBytes / elementBytes;
    int done = 0;
    while (done < count) {
      long element = first + done;
      int at = (int) (element % perWindow);
      int n = Math.min(count - done, perWindow - at);
      chunk.read(windows[(int) (element / perWindow)], at, done, n);
      done += n;
    }
  }

  private int narrow(long value, long element) {
    if (value != (int) value) {
      throw new SafetensorsException(
          path, info.name(), info.begin() + 8 * element, value + " does not fit 32 bits");
    }
    return (int) value;
  }

  private void checkRange(long first, int count, int offset, int length) {
    Preconditions.checkPositionIndexes(offset, offset + count, length);
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
  }

  private SafetensorsException unreadable(String kind, String readable) {
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
