package io.anchor4j.benchmarks.contestant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class SamplesTest {

  /** One result: elements of 1 behind {@code count} of {@code first}. */
  private static float[][] ones(int count, float first) {
    float[] values = new float[64];
    Arrays.fill(values, 1);
    Arrays.fill(values, 0, count, first);
    return new float[][] {values};
  }

  @Test
  void differencesAreRelativeToLargeElementsAndToTheMedianOfSmallOnes() {
    assertEquals(0, Samples.differ(ones(4, 1), ones(4, 1)));
    assertEquals(0.1, Samples.differ(ones(4, 110), ones(4, 100)), 1e-6);
    assertEquals(0.1, Samples.differ(ones(4, 0.1f), ones(4, 0)), 1e-6);
  }

  @Test
  void threeMayDifferButNoneMayBeNoNumber() {
    assertEquals(0, Samples.differ(ones(3, 100), ones(3, 1)));
    assertEquals(99, Samples.differ(ones(4, 100), ones(4, 1)));
    assertEquals(Double.POSITIVE_INFINITY, Samples.differ(ones(1, Float.NaN), ones(1, 1)));
    assertEquals(Double.POSITIVE_INFINITY, Samples.differ(ones(1, 1), ones(1, Float.NaN)));
  }

  @Test
  void viewsAreReadInTheirOwnOrder() {
    INDArray array = Nd4j.arange(210).castTo(DataType.FLOAT).reshape(2, 3, 5, 7);
    INDArray turned = array.permute(0, 1, 3, 2).dup('c');
    assertArrayEquals(Samples.of(array), Samples.of(turned.permute(0, 1, 3, 2)));
    assertEquals(2_654_435_761L % 210, (long) Samples.of(array)[1]);
  }
}
