package io.anchor4j.samples.cli;

/**
 * Counts the positions that bfloat16 can hold: eight significant bits, so every integer to 256,
 * then every second one to 512, every fourth to 1024.
 *
 * <p>The rest fall onto a neighbour, and tokens there seem to stand in the same place.
 */
final class Bfloat16Positions {
  private static final int SIGNIFICANT_BITS = 8;

  private Bfloat16Positions() {}

  /** Returns how many of the positions 0 to {@code length - 1} are exact in bfloat16. */
  static int exact(int length) {
    int count = 0;
    for (int position = 0; position < length; position++) {
      int bits = Integer.SIZE - Integer.numberOfLeadingZeros(position);
      int dropped = Math.max(0, bits - SIGNIFICANT_BITS);
      if (position == (position >> dropped) << dropped) {
        count++;
      }
    }
    return count;
  }
}
