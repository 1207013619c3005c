package io.anchor4j.huggingface.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class SixteenBitFloatsTest {
  @Test
  void everyBitPatternSurvivesWideningAndNarrowing() {
    for (int i = 0; i < 1 << 16; i++) {
      short bits = (short) i;
      assertEquals(bits, SixteenBitFloats.toHalf(SixteenBitFloats.fromHalf(bits)));
      assertEquals(bits, SixteenBitFloats.toBfloat16(SixteenBitFloats.fromBfloat16(bits)));
    }
  }

  @Test
  void aNanThatDoesNotFitStaysOne() {
    for (int bits : new int[] {0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fc00000}) {
      float nan = Float.intBitsToFloat(bits);
      short half = SixteenBitFloats.toHalf(nan);
      short bfloat = SixteenBitFloats.toBfloat16(nan);
      assertTrue(Float.isNaN(SixteenBitFloats.fromHalf(half)));
      assertTrue(Float.isNaN(SixteenBitFloats.fromBfloat16(bfloat)));
      assertEquals(bits < 0, half < 0);
      assertEquals(bits < 0, bfloat < 0);
    }
  }

  @Test
  void halfMatchesKnownValues() {
    assertEquals(1f, SixteenBitFloats.fromHalf((short) 0x3c00));
    assertEquals(-2f, SixteenBitFloats.fromHalf((short) 0xc000));
    assertEquals(65504f, SixteenBitFloats.fromHalf((short) 0x7bff));
    assertEquals(0x1p-24f, SixteenBitFloats.fromHalf((short) 1));
    assertEquals(Float.NEGATIVE_INFINITY, SixteenBitFloats.fromHalf((short) 0xfc00));
    assertEquals((short) 0x7bff, SixteenBitFloats.toHalf(65519.996f));
    assertEquals((short) 0x7c00, SixteenBitFloats.toHalf(65520f));
    assertEquals((short) 0x0000, SixteenBitFloats.toHalf(0x1p-25f));
    assertEquals((short) 0x0001, SixteenBitFloats.toHalf(Math.nextUp(0x1p-25f)));
  }

  @Test
  void bfloat16MatchesKnownValues() {
    assertEquals((short) 0x3f80, SixteenBitFloats.toBfloat16(1f));
    assertEquals((short) 0x7f80, SixteenBitFloats.toBfloat16(Float.MAX_VALUE));
    assertTrue(
        Float.isNaN(
            SixteenBitFloats.fromBfloat16(
                SixteenBitFloats.toBfloat16(Float.intBitsToFloat(0x7fffffff)))));
  }

  @Test
  void narrowingGivesTheNearestAndOfTwoTheEven() {
    check(SixteenBitFloats::toHalf, SixteenBitFloats::fromHalf, 0x7bff);
    check(SixteenBitFloats::toBfloat16, SixteenBitFloats::fromBfloat16, 0x7f7f);
  }

  /** Compares with the two neighbours, for values at and around the middle between them. */
  private static void check(
      Function<Float, Short> narrow, Function<Short, Float> widen, int largest) {
    var random = new Random(7);
    for (int trial = 0; trial < 20_000; trial++) {
      short lower = (short) random.nextInt(largest);
      short upper = (short) (lower + 1);
      float middle = (float) (((double) widen.apply(lower) + widen.apply(upper)) / 2);
      short even = lower % 2 == 0 ? lower : upper;
      assertEquals(even, narrow.apply(middle));
      assertEquals(lower, narrow.apply(Math.nextDown(middle)));
      assertEquals(upper, narrow.apply(Math.nextUp(middle)));
      assertEquals((short) (even | 0x8000), narrow.apply(-middle));
    }
  }
}
