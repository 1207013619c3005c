package io.anchor4j.samediff;

import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** How far results are from those of before. */
final class Differences {
  private Differences() {}

  /**
   * Returns the largest difference of two results over the larger of 1 and the largest value
   * before, or NaN if one is not finite or has another shape.
   */
  static double ofValues(INDArray before, INDArray after) {
    return largest(before, after) / Math.max(1, size(before));
  }

  /**
   * Returns the largest difference of a variable's gradient over the largest of all gradients
   * before, or NaN as above. No floor of 1: a loss may be as small as it likes.
   */
  static double ofGradients(Map<String, INDArray> before, Map<String, INDArray> after) {
    double size = before.values().stream().mapToDouble(Differences::size).max().orElse(0);
    double largest = 0;
    for (Map.Entry<String, INDArray> entry : before.entrySet()) {
      // Math.max keeps NaN
      largest = Math.max(largest, largest(entry.getValue(), after.get(entry.getKey())));
    }
    return largest / size;
  }

  /** Returns the largest absolute value. */
  static double size(INDArray array) {
    return Arrays.stream(doubles(array)).map(Math::abs).max().orElse(0);
  }

  private static double largest(INDArray before, INDArray after) {
    if (!Arrays.equals(before.shape(), after.shape()) || before.dataType() != after.dataType()) {
      return Double.NaN;
    }
    double[] old = doubles(before);
    double[] fresh = doubles(after);
    double largest = 0;
    for (int i = 0; i < old.length; i++) {
      double here = Math.abs(old[i] - fresh[i]);
      largest = Math.max(largest, here < Double.POSITIVE_INFINITY ? here : Double.NaN);
    }
    return largest;
  }

  private static double[] doubles(INDArray array) {
    return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
  }
}
