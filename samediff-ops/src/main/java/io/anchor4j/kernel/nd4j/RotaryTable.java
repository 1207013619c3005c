package io.anchor4j.kernel.nd4j;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The rotation of gathered heads as two products with tables: {@code x * cosines + swapped(x) *
 * sines}, where swapped exchanges the two dimensions of each pair and the sines carry the sign.
 *
 * <p>Dimensions that are not rotated have cosine 1 and sine 0. A table is as wide as its rows and
 * repeats for every query head of a group, so it is made for some rows at a time and given back.
 */
final class RotaryTable {
  /** Elements of a table made at once: 256 KiB in float. */
  private static final int ELEMENTS = 1 << 16;

  private final Pairing pairing;
  private final RotaryAngles angles;
  private final int[] tokens;
  private final int repeats;
  private final int width;

  /**
   * @param angles of the whole row
   * @param tokens the tokens gathered, in order
   * @param repeats rows that each token takes up
   * @param width columns of a row, at least the rotated dimensions
   */
  RotaryTable(Pairing pairing, RotaryAngles angles, int[] tokens, int repeats, int width) {
    this.pairing = pairing;
    this.angles = angles;
    this.tokens = tokens;
    this.repeats = repeats;
    this.width = width;
  }

  private int first(int pair) {
    return pairing == Pairing.HALF_SPLIT ? pair : 2 * pair;
  }

  private int second(int pair) {
    return pairing == Pairing.HALF_SPLIT ? pair + angles.pairs() : 2 * pair + 1;
  }

  /**
   * Rotates in place.
   *
   * @param heads contiguous [heads, rows, width]
   * @param inverse whether to turn back
   */
  void apply(INDArray heads, boolean inverse) {
    int tokensAtOnce = Math.max(1, ELEMENTS / (repeats * width));
    for (int from = 0; from < tokens.length; from += tokensAtOnce) {
      try (var scratch = Scratch.ofTile()) {
        apply(heads, from, Math.min(from + tokensAtOnce, tokens.length), inverse);
      }
    }
  }

  /** Rotates the rows of tokens [from, to). */
  private void apply(INDArray heads, int from, int to, boolean inverse) {
    DataType type = heads.dataType();
    int rows = (to - from) * repeats;
    var cos = new double[rows * width];
    var sin = new double[cos.length];
    fill(from, cos, sin);
    INDArray cosines = Scratch.of(type, cos, rows, width);
    INDArray sines = Scratch.of(type, sin, rows, width);
    INDArray swapped = Scratch.zeros(type, rows, width);
    for (long h = 0; h < heads.size(0); h++) {
      long firstRow = h * heads.size(1) + (long) from * repeats;
      INDArray head = Views.rows(heads, firstRow * width, rows, width);
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

  private void fill(int from, double[] cos, double[] sin) {
    Arrays.fill(cos, 1);
    for (int row = 0; row < cos.length / width; row++) {
      int token = tokens[from + row / repeats];
      for (int i = 0; i < angles.pairs(); i++) {
        int a = row * width + first(i);
        int b = row * width + second(i);
        cos[a] = angles.cosine(token, i);
        cos[b] = cos[a];
        sin[b] = angles.sine(token, i);
        sin[a] = -sin[b];
      }
    }
  }

  /** The first or the second dimensions of all pairs: [rows, pairs]. */
  private INDArray plane(INDArray head, int start) {
    int step = pairing == Pairing.HALF_SPLIT ? 1 : 2;
    return Views.of(
        head,
        start,
        new long[] {head.size(0), angles.pairs()},
        new long[] {head.size(1), step},
        'c');
  }

  /** All tokens of a row in their own order. */
  static int[] inOrder(int tokens) {
    return IntStream.range(0, tokens).toArray();
  }
}
