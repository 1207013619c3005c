package io.anchor4j.benchmarks.work;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TestDataTest {

  @Test
  void valuesAreThoseOfThePeers() {
    // test_data(3, 4) and its last element, printed by peer.py.
    float[] first = {3.4375f, -0.21875f, 0.84375f, -0.8125f};
    for (int i = 0; i < first.length; i++) {
      assertEquals(first[i], TestData.value(3, i));
    }
    assertEquals(1.3125f, TestData.value(3, TestData.PERIOD - 1));
    assertEquals(first[0], TestData.value(3, TestData.PERIOD));
  }

  @Test
  void bfloat16HoldsThemExactly() {
    int[] lower =
        IntStream.range(0, 10_000)
            .map(i -> Float.floatToIntBits(TestData.value(1, i)) & 0xFFFF)
            .distinct()
            .toArray();
    assertArrayEquals(new int[] {0}, lower);
  }

  @Test
  void theySpreadAsNormalOnesDo() {
    double squares =
        IntStream.range(0, 100_000).mapToDouble(i -> Math.pow(TestData.value(2, i), 2)).sum();
    double deviation = Math.sqrt(squares / 100_000);
    assertEquals(36.95 / 32, deviation, 0.01); // four fields of 64 equally likely values
  }
}
