package io.anchor4j.nd4j;

import java.lang.ref.Cleaner;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Large arrays whose memory nobody has written to yet, for callers who fill all of it.
 *
 * <p>ND4J M2.1 writes zeros, on one thread, to what it calls uninitialised: 1.5 s for the 4.4 GB of
 * 1.1 billion floats, in which each page is also first asked from the system. Here it is the
 * threads that fill the array who do that.
 */
public final class UntouchedArrays {
  private static final Cleaner CLEANER = Cleaner.create();

  private UntouchedArrays() {}

  /**
   * Returns an array in row-major order, outside workspaces. Its memory is given back when nothing
   * refers to it any more, and not by {@code close()}.
   *
   * @param type FLOAT or BFLOAT16; of others, and on a GPU, the memory is ND4J's own
   * @throws OutOfMemoryError if the system has no memory left
   */
  public static INDArray create(DataType type, long... shape) {
    boolean wide = type == DataType.FLOAT;
    if (!Nd4j.getEnvironment().isCPU() || !(wide || type == DataType.BFLOAT16)) {
      return Nd4j.createUninitializedDetached(type, shape);
    }
    long length = ArrayUtil.prodLong(shape);
    // Not by a pointer that allocates: JavaCPP would count it towards a limit that ND4J's own
    // arrays do not count towards.
    Pointer memory = Pointer.malloc(length * type.width());
    if (memory == null || memory.isNull()) {
      throw new OutOfMemoryError("no memory for %d elements of %s".formatted(length, type));
    }
    Pointer elements = wide ? new FloatPointer(memory) : new ShortPointer(memory);
    DataBuffer buffer = Nd4j.createBuffer(elements.capacity(length), length, type);
    long address = memory.address();
    CLEANER.register(buffer, () -> Pointer.free(new Address(address)));
    return Nd4j.create(buffer, shape);
  }

  private static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }
}
