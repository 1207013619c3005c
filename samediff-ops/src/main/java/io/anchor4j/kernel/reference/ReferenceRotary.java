package io.anchor4j.kernel.reference;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig.Pairing;

/** Rotation of heads [H, T, D], row-major. */
final class ReferenceRotary {
  private ReferenceRotary() {}

  /**
   * Returns the rotated heads.
   *
   * @param count H
   * @param firstToken the token of {@code angles} that the first of T stands at
   * @param inverse whether to turn back
   */
  static double[] rotate(
      Pairing pairing,
      RotaryAngles angles,
      double[] heads,
      int count,
      int firstToken,
      int headDim,
      boolean inverse) {
    int tokens = heads.length / (count * headDim);
    int pairs = angles.pairs();
    double[] rotated = heads.clone();
    for (int h = 0; h < count; h++) {
      for (int t = 0; t < tokens; t++) {
        int head = (h * tokens + t) * headDim;
        for (int i = 0; i < pairs; i++) {
          int a = head + (pairing == Pairing.HALF_SPLIT ? i : 2 * i);
          int b = head + (pairing == Pairing.HALF_SPLIT ? i + pairs : 2 * i + 1);
          double cosine = angles.cosine(firstToken + t, i);
          double sine = angles.sine(firstToken + t, i) * (inverse ? -1 : 1);
          rotated[a] = heads[a] * cosine - heads[b] * sine;
          rotated[b] = heads[b] * cosine + heads[a] * sine;
        }
      }
    }
    return rotated;
  }
}
