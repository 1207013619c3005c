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
  private static final int LEFT_ASIDE = 3;

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
   * Returns the difference of two elements over their size, of the result where it is largest; a
   * small element counts as one of the median's size.
   *
   * <p>The three that differ most are left aside: PyTorch adds up gradients of bfloat16 keys and
   * values in bfloat16, and what it gets for a token that 4,096 see is off its own float32 by 9 %.
   */
  public static double differ(float[][] some, float[][] others) {
    double largest = 0;
    for (int r = 0; r < Math.min(some.length, others.length); r++) {
      double[] sizes = new double[COUNT];
      for (int i = 0; i < COUNT; i++) {
        sizes[i] = Math.abs(others[r][i]);
      }
      Arrays.sort(sizes);
      double[] differences = new double[COUNT];
      for (int i = 0; i < COUNT; i++) {
        double size = Math.max(Math.abs(others[r][i]), sizes[COUNT / 2]);
        differences[i] = Math.abs(some[r][i] - others[r][i]) / size;
      }
      Arrays.sort(differences); // NaN comes last
      boolean numbers = !Double.isNaN(differences[COUNT - 1]);
      largest =
          Math.max(
              largest, numbers ? differences[COUNT - 1 - LEFT_ASIDE] : Double.POSITIVE_INFINITY);
    }
    return largest;
  }
}
