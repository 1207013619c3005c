package io.anchor4j.huggingface.safetensors;

import com.google.common.base.Preconditions;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.ShortBuffer;

/**
 * Consecutive elements of a tensor, mapped from its file until this is closed. For one thread at a
 * time.
 */
public final class TensorWindow implements AutoCloseable {
  /** Left to the collector, pages read long ago would count as memory of this process. */
  private static final MethodHandle UNMAP = unmap();

  private final MappedTensor tensor;
  private final long begin;
  private final int elements;
  private final ShortBuffer halves; // of the same memory
  private MappedByteBuffer bytes; // null: closed

  TensorWindow(MappedTensor tensor, long begin, int elements, MappedByteBuffer bytes) {
    this.tensor = tensor;
    this.begin = begin;
    this.elements = elements;
    this.halves = bytes.asShortBuffer();
    this.bytes = bytes;
  }

  /** Java 17 has no other way to unmap; looked up by name, since naming it draws a warning. */
  private static MethodHandle unmap() {
    try {
      Class<?> unsafe = Class.forName("sun.misc.Unsafe");
      Field instance = unsafe.getDeclaredField("theUnsafe");
      instance.setAccessible(true);
      MethodType type = MethodType.methodType(void.class, ByteBuffer.class);
      return MethodHandles.lookup()
          .findVirtual(unsafe, "invokeCleaner", type)
          .bindTo(instance.get(null));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /**
   * Reads the elements {@code first} to {@code first + count - 1} of this window into {@code
   * target} from {@code offset} on. F16 and BF16 widen exactly; F64 is rounded to the nearest
   * float.
   *
   * @throws SafetensorsException if the type is not one of F32, F16, BF16, F64
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   * @throws IllegalStateException if this is closed
   */
  public void readFloats(int first, float[] target, int offset, int count) {
    check(first, count, offset, target.length);
    switch (tensor.info().type()) {
      case F32 -> {
        for (int i = 0; i < count; i++) {
          target[offset + i] = bytes.getFloat(4 * (first + i));
        }
      }
      case F64 -> {
        for (int i = 0; i < count; i++) {
          target[offset + i] = (float) bytes.getDouble(8 * (first + i));
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target[offset + i] = SixteenBitFloats.fromHalf(bytes.getShort(2 * (first + i)));
        }
      }
      case BF16 -> {
        // In bulk: element by element from the mapped file costs three times as much.
        short[] bits = new short[count];
        halves.get(first, bits, 0, count);
        for (int i = 0; i < count; i++) {
          target[offset + i] = SixteenBitFloats.fromBfloat16(bits[i]);
        }
      }
      default -> throw tensor.unreadable("floats", "F32, F16, BF16 or F64");
    }
  }

  /**
   * Reads integers as {@link #readFloats} reads floats.
   *
   * @throws SafetensorsException if the type is not I32 or I64, or a value does not fit an int
   * @throws IndexOutOfBoundsException if the elements or the target's places do not exist
   * @throws IllegalStateException if this is closed
   */
  public void readInts(int first, int[] target, int offset, int count) {
    check(first, count, offset, target.length);
    switch (tensor.info().type()) {
      case I32 -> {
        for (int i = 0; i < count; i++) {
          target[offset + i] = bytes.getInt(4 * (first + i));
        }
      }
      case I64 -> {
        for (int i = 0; i < count; i++) {
          target[offset + i] = tensor.narrow(bytes.getLong(8 * (first + i)), begin + first + i);
        }
      }
      default -> throw tensor.unreadable("integers", "I32 or I64");
    }
  }

  private void check(int first, int count, int offset, int length) {
    Preconditions.checkState(bytes != null, "this window is closed");
    Preconditions.checkPositionIndexes(first, first + count, elements);
    Preconditions.checkPositionIndexes(offset, offset + count, length);
  }

  @Override
  public void close() {
    MappedByteBuffer mapped = bytes;
    bytes = null;
    if (mapped != null && elements > 0) {
      try {
        UNMAP.invokeExact((ByteBuffer) mapped);
      } catch (Throwable e) {
        throw new IllegalStateException("cannot unmap", e);
      }
    }
  }
}
