package io.anchor4j.benchmarks.work;

import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Numbers that look normally distributed and are the same in Java, Python and C++.
 *
 * <p>Each is a sum of four six-bit fields of a hash, which bfloat16 holds exactly, so that rounding
 * an input is no difference between contestants. They repeat with a prime period, for the sake of
 * Python, which hashes slowly and copies fast.
 */
public final class TestData {
  static final int PERIOD = 1_048_573;

  private TestData() {}

  /** Returns element {@code index} of the data of that seed. */
  static float value(long seed, long index) {
    long z = (seed << 40) + 0x9E3779B97F4A7C15L + index % PERIOD;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    z = z ^ (z >>> 31);
    long sum = (z & 63) + (z >>> 6 & 63) + (z >>> 12 & 63) + (z >>> 18 & 63);
    return (sum - 126) / 32f;
  }

  /** Returns an array of that data. */
  public static INDArray array(long seed, DataType type, long... shape) {
    int length = 1;
    for (long size : shape) {
      length = Math.toIntExact(Math.multiplyExact(length, size));
    }
    float[] values = new float[length];
    IntStream.range(0, length).parallel().forEach(i -> values[i] = value(seed, i));
    INDArray floats = Nd4j.create(values, shape, DataType.FLOAT);
    if (type == DataType.FLOAT) {
      return floats;
    }
    INDArray result = floats.castTo(type);
    floats.close();
    return result;
  }
}
