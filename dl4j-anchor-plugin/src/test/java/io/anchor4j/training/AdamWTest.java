package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class AdamWTest {
  static Stream<KernelProvider> providers() {
    return KernelProviders.available();
  }

  @ParameterizedTest
  @MethodSource("providers")
  void tenClippedUpdatesAreThoseOfPyTorch(KernelProvider kernels) {
    JsonNode golden = Goldens.read("adamw.json");
    double clip = golden.get("gradientClip").doubleValue();
    INDArray parameters = Nd4j.createFromArray(Goldens.floats(golden.get("parameters")));
    var settings =
        new RunConfig.Adamw(
            golden.get("beta1").doubleValue(),
            golden.get("beta2").doubleValue(),
            golden.get("epsilon").doubleValue(),
            golden.get("weightDecay").doubleValue());
    AdamW adamW = new AdamW(kernels, settings, parameters.length());
    int clipped = 0;
    for (JsonNode step : golden.get("steps")) {
      INDArray gradients = Nd4j.createFromArray(Goldens.floats(step.get("gradients")));
      double norm = Math.sqrt(kernels.sumOfSquares(gradients));
      double scale = AdamW.clippingScale(norm, clip);
      clipped += scale < 1 ? 1 : 0;
      assertEquals(step.get("norm").doubleValue(), norm, 1e-6 * norm);
      adamW.update(parameters, gradients, step.get("learningRate").doubleValue(), scale);
      // PyTorch rounds to float after every operation; ten updates stay within a few roundings.
      assertClose(step.get("parameters"), parameters, 3e-7);
      assertClose(step.get("firstMoment"), adamW.firstMoment(), 3e-7);
      assertClose(step.get("secondMoment"), adamW.secondMoment(), 3e-7);
    }
    assertEquals(10, adamW.updates());
    assertEquals(5, clipped, "the golden has gradients on both sides of the clip norm");
  }

  @Test
  void gradientsAreScaledOnlyAboveTheClipNorm() {
    assertEquals(1, AdamW.clippingScale(1e9, null));
    assertEquals(1, AdamW.clippingScale(0.5, 1.0));
    assertEquals(1, AdamW.clippingScale(0, 1.0));
    assertEquals(1.0 / (4 + 1e-6), AdamW.clippingScale(4, 1.0));
  }

  private static void assertClose(JsonNode expected, INDArray actual, double tolerance) {
    double[] values = Goldens.doubles(expected);
    double[] found = actual.toDoubleVector();
    assertEquals(values.length, found.length);
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(values, found, tolerance * largest);
  }
}
