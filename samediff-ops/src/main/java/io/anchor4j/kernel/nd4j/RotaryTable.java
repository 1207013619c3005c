package io.anchor4j.kernel.nd4j;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The rotation of gathered heads as two products with tables: {@code x * cosines + swapped(x) *
 * sines}, where swapped exchanges the two dimensions of each pair and the sines carry the sign.
 *
 * <p>Dimensions that are not rotated have cosine 1 and sine 0.
 */
final class RotaryTable {
  private final Pairing pairing;
  private final int pairs;
  private final INDArray cosines; // [rows, width]
  private final INDArray sines; // [rows, width]

  /**
   * @param angles of the whole row
   * @param tokens the tokens gathered, in order
   * @param repeats rows that each token takes up
   * @param width columns of a row, at least the rotated dimensions
   */
  RotaryTable(
      RotaryConfig config,
      RotaryAngles angles,
      int[] tokens,
      int repeats,
      int width,
      DataType type) {
    pairing = config.pairing();
    pairs = angles.pairs();
    var cos = new double[tokens.length * repeats * width];
    var sin = new double[cos.length];
    Arrays.fill(cos, 1);
    for (int row = 0; row < tokens.length * repeats; row++) {
      int token = tokens[row / repeats];
      for (int i = 0; i < pairs; i++) {
        int a = row * width + first(i);
        int b = row * width + second(i);
        cos[a] = angles.cosine(token, i);
        cos[b] = cos[a];
        sin[b] = angles.sine(token, i);
        sin[a] = -sin[b];
      }
    }
    cosines = Scratch.of(type, cos, (long) tokens.length * repeats, width);
    sines = Scratch.of(type, sin, (long) tokens.length * repeats, width);
  }

  private int first(int pair) {
    return pairing == Pairing.HALF_SPLIT ? pair : 2 * pair;
  }

  private int second(int pair) {
    return pairing == Pairing.HALF_SPLIT ? pair + pairs : 2 * pair + 1;
  }

  /**
   * Rotates in place.
   *
   * @param heads contiguous [heads, rows, width]
   * @param inverse whether to turn back
   */
  void apply(INDArray heads, boolean inverse) {
    long rows = cosines.size(0);
    long width = cosines.size(1);
    try (var scratch = Scratch.ofTile()) {
      INDArray swapped = Scratch.zeros(heads.dataType(), rows, width);
      for (int h = 0; h < heads.size(0); h++) {
        INDArray head = Views.rows(heads, h * rows * width, rows, width);
        plane(swapped, first(0)).assign(plane(head, second(0)));
        plane(swapped, second(0)).assign(plane(head, first(0)));
        swapped.muli(sines);
        head.muli(cosines);
        if (inverse) {
          head.subi(swapped);
        } else {
          head.addi(swapped);
        }
      }
    }
  }

  /** The first or the second dimensions of all pairs: [rows, pairs]. */
  private INDArray plane(INDArray head, int start) {
    int step = pairing == Pairing.HALF_SPLIT ? 1 : 2;
    return Views.of(
        head, start, new long[] {head.size(0), pairs}, new long[] {head.size(1), step}, 'c');
  }

  /** All tokens of a row in their own order. */
  static int[] inOrder(int tokens) {
    return IntStream.range(0, tokens).toArray();
  }
}
