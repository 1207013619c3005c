package io.anchor4j.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.MLNConfig;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.PrintMode;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * DL4J's own gradient check, in float64, every parameter against central differences.
 *
 * <p>The relative error allowed, 1e-5, is 100 times below DL4J's default, so that a gradient wrong
 * in one term of many is seen.
 */
public final class GradientChecks {
  private static final double MAX_RELATIVE_ERROR = 1e-5;
  private static final double EPSILON = 1e-5;
  private static final double NEGLIGIBLE = 1e-9;

  private GradientChecks() {}

  /** Checks a ComputationGraph; inputs, labels and masks are set in {@code config}. */
  public static void check(GraphConfig config) {
    config
        .epsilon(EPSILON)
        .maxRelError(MAX_RELATIVE_ERROR)
        .minAbsoluteError(NEGLIGIBLE)
        .print(PrintMode.FAILURES_ONLY);
    assertTrue(inDouble(() -> GradientCheckUtil.checkGradients(config)), "see the log for which");
  }

  /** Checks a MultiLayerNetwork; input, labels and masks are set in {@code config}. */
  public static void check(MLNConfig config) {
    config
        .epsilon(EPSILON)
        .maxRelError(MAX_RELATIVE_ERROR)
        .minAbsoluteError(NEGLIGIBLE)
        .print(PrintMode.FAILURES_ONLY);
    assertTrue(inDouble(() -> GradientCheckUtil.checkGradients(config)), "see the log for which");
  }

  private static boolean inDouble(java.util.function.BooleanSupplier check) {
    DataType before = Nd4j.defaultFloatingPointType();
    Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    try {
      return check.getAsBoolean();
    } finally {
      Nd4j.setDefaultDataTypes(before, before);
    }
  }
}
