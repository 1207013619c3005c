package io.anchor4j.huggingface.safetensors;

/**
 * The two floating types of 16 bits, to and from float.
 *
 * <p>BF16 is the upper half of a float. F16 has 5 bits of exponent (bias 15) and 10 of mantissa.
 * Narrowing rounds to the nearest value and to the even one of two equally near, as PyTorch does;
 * Java itself converts F16 only from version 20 on.
 */
public final class SixteenBitFloats {
  private SixteenBitFloats() {}

  static float fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Returns the bits of the nearest BF16. */
  public static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      // Rounding up a payload of ones would carry into the sign. Cut off, what came from BF16 is
      // what it was; what would become infinity by that is made a quiet NaN.
      return (short) ((bits >>> 16 & 0x7f) == 0 ? bits >>> 16 | 0x40 : bits >>> 16);
    }
    // Adds just under half of the last kept place, or exactly half when that place is odd.
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  static float fromHalf(short bits) {
    int exponent = (bits >>> 10) & 0x1f;
    int mantissa = bits & 0x3ff;
    float magnitude;
    if (exponent == 0) {
      magnitude = mantissa * 0x1p-24f; // subnormal: exact
    } else if (exponent == 0x1f) {
      magnitude = Float.intBitsToFloat(0x7f800000 | mantissa << 13);
    } else {
      magnitude = Float.intBitsToFloat((exponent + 127 - 15) << 23 | mantissa << 13);
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  static short toHalf(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (Float.isNaN(value)) {
      int payload = magnitude >>> 13 & 0x3ff;
      return (short) (sign | 0x7c00 | (payload == 0 ? 0x200 : payload));
    }
    if (magnitude >= 0x47800000) { // 65536 and above, infinity too
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) {
      // Below 2^-14 the result counts in steps of 2^-24: scale exactly, let rint round to even.
      return (short) (sign | (int) Math.rint(Math.abs(value) * 0x1p24));
    }
    int rebased = magnitude - ((127 - 15) << 23);
    // From 65520 on this carries into the exponent and gives infinity, as it should.
    return (short) (sign | (rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
}
