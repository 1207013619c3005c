package io.anchor4j.huggingface;

import io.anchor4j.huggingface.safetensors.SixteenBitFloats;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.ShortPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Part of the memory of a FLOAT or BFLOAT16 array, to be written in floats. */
final class WeightMemory {
  private final FloatBuffer floats; // null: BFLOAT16
  private final ShortBuffer halves;

  /**
   * @param first place of the first element in the array; a buffer has at most 2 GiB, and begins
   *     where position is 0
   */
  WeightMemory(INDArray array, long first, int count) {
    long begin = array.offset() + first;
    boolean wide = array.dataType() == DataType.FLOAT;
    floats =
        wide
            ? new FloatPointer(array.data().pointer()).getPointer(begin).limit(count).asBuffer()
            : null;
    halves =
        wide
            ? null
            : new ShortPointer(array.data().pointer()).getPointer(begin).limit(count).asBuffer();
  }

  /** Writes values from element {@code at} on, rounded to the nearest where they are BFLOAT16. */
  void put(int at, float[] values, int offset, int count) {
    if (floats != null) {
      floats.put(at, values, offset, count);
      return;
    }
    short[] rounded = new short[count];
    for (int i = 0; i < count; i++) {
      rounded[i] = SixteenBitFloats.toBfloat16(values[offset + i]);
    }
    halves.put(at, rounded, 0, count);
  }
}
