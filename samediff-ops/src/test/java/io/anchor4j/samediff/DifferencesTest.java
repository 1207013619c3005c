package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What counts as far from the result of before. */
class DifferencesTest {
  private static INDArray array(double... values) {
    return Nd4j.createFromArray(values);
  }

  @Test
  void gradientsAreMeasuredByTheLargestOfAllVariablesHoweverSmall() {
    var before = Map.of("weight", array(4e-9, -8e-9), "bias", array(1e-12));
    var after = Map.of("weight", array(4e-9, -8e-9), "bias", array(2e-9 + 1e-12));
    assertEquals(0.25, Differences.ofGradients(before, after), 1e-9);
  }

  @Test
  void valuesAreMeasuredByTheirOwnLargestOrByOne() {
    assertEquals(0.5, Differences.ofValues(array(-4, 1), array(-4, 3)));
    assertEquals(1e-3, Differences.ofValues(array(1e-6), array(1e-3 + 1e-6)), 1e-12);
  }

  @Test
  void whatIsNotFiniteOrOfAnotherShapeIsNaN() {
    INDArray one = array(1);
    INDArray infinite = array(Double.POSITIVE_INFINITY);
    assertEquals(Double.NaN, Differences.ofValues(one, array(Double.NaN)));
    assertEquals(Double.NaN, Differences.ofValues(one, array(1, 1)));
    assertEquals(
        Double.NaN,
        Differences.ofGradients(
            Map.of("first", one, "last", one), Map.of("first", infinite, "last", one)));
  }
}
