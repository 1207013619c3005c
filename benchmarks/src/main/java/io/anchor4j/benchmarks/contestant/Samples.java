package io.anchor4j.benchmarks.contestant;

import io.anchor4j.attention.Precision;
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

  /** Returns the largest {@linkplain #differ difference} of results that are the same. */
  public static double tolerance(Precision precision) {
    // PyTorch's gradients of bfloat16 heads are summed in bfloat16 over blocks of keys.
    return precision == Precision.FLOAT32 ? 1e-3 : 0.1;
  }

  /** Returns the largest difference over the root mean square, of all results. */
  public static double differ(float[][] some, float[][] others) {
    double largest = 0;
    for (int r = 0; r < Math.min(some.length, others.length); r++) {
      double difference = 0;
      double squares = 0;
      for (int i = 0; i < COUNT; i++) {
        difference = Math.max(difference, Math.abs((double) some[r][i] - others[r][i]));
        squares += (double) others[r][i] * others[r][i];
      }
      double relative = difference / Math.sqrt(squares / COUNT);
      largest = Double.isNaN(relative) ? Double.POSITIVE_INFINITY : Math.max(largest, relative);
    }
    return largest;
  }
}
