package io.anchor4j.kernel;

/** Rounding to the 8-bit significand of bfloat16, to nearest, ties to even. */
public final class Bfloat16 {
  private Bfloat16() {}

  /** Returns the bfloat16 nearest to {@code value}, which is first rounded to float. */
  public static float round(double value) {
    float single = (float) value;
    if (Float.isNaN(single)) {
      return single;
    }
    int bits = Float.floatToRawIntBits(single);
    int lowest = (bits >>> 16) & 1;
    return Float.intBitsToFloat((bits + 0x7FFF + lowest) & 0xFFFF0000);
  }
}
