package io.anchor4j.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** How far two arrays are apart, over every element. */
public final class ErrorBudget {
  private ErrorBudget() {}

  /** The largest difference; infinities at the same place do not differ, NaN always does. */
  public static double maxError(INDArray actual, INDArray expected) {
    assertTrue(
        Arrays.equals(actual.shape(), expected.shape()),
        () -> Arrays.toString(actual.shape()) + " is not " + Arrays.toString(expected.shape()));
    double[] a = values(actual);
    double[] e = values(expected);
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      double error = a[i] == e[i] ? 0 : Math.abs(a[i] - e[i]);
      largest = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(largest, error);
    }
    return largest;
  }

  /** The largest finite magnitude. */
  public static double magnitude(INDArray array) {
    return Arrays.stream(values(array)).map(Math::abs).filter(Double::isFinite).max().orElse(0);
  }

  /** Fails unless every element is within {@code relative} of the largest magnitude. */
  public static void assertClose(String what, INDArray actual, INDArray expected, double relative) {
    double allowed = relative * Math.max(1, magnitude(expected));
    double error = maxError(actual, expected);
    assertTrue(error <= allowed, () -> what + ": error " + error + ", allowed " + allowed);
  }

  /** The elements in row-major order. */
  public static double[] values(INDArray array) {
    return array.dup('c').data().asDouble();
  }
}
