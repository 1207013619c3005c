package io.anchor4j.benchmarks.contestant;

import io.anchor4j.attention.Precision;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Elements of a result at fixed places, which show whether contestants computed the same. Every
 * process picks the same 64.
 */
public final class Samples {
  private static final int COUNT = 64;

  private Samples() {}

  /** Returns the elements of an array in c order. */
  static float[] of(INDArray array) {
    INDArray flat = array.dup('c');
    float[] picked = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      long[] place = {i * 2_654_435_761L % flat.length()};
      picked[i] = flat.data().getFloat(place[0]);
    }
    flat.close();
    return picked;
  }

  /** Returns how far results that are the same may {@linkplain #differ}. */
  public static double tolerance(Precision precision) {
    return precision == Precision.FLOAT32 ? 1e-3 : 0.1;
  }

  /**
   * Returns the largest difference of two elements over their size, a small element counting as one
   * of the median's: what an anchor's gradient is made of is many times what others' is.
   */
  public static double differ(float[][] some, float[][] others) {
    double largest = 0;
    for (int r = 0; r < Math.min(some.length, others.length); r++) {
      double[] sizes = new double[COUNT];
      for (int i = 0; i < COUNT; i++) {
        sizes[i] = Math.abs(others[r][i]);
      }
      Arrays.sort(sizes);
      for (int i = 0; i < COUNT; i++) {
        double size = Math.max(Math.abs(others[r][i]), sizes[COUNT / 2]);
        double difference = Math.abs(some[r][i] - others[r][i]) / size;
        boolean result = !Double.isNaN(difference);
        largest = Math.max(largest, result ? difference : Double.POSITIVE_INFINITY);
      }
    }
    return largest;
  }
}
