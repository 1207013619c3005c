package io.anchor4j.data;

import java.util.ArrayList;
import java.util.List;

/**
 * A run of tokens of one piece as it stands in a row: all of the piece, or a part of it when
 * documents are interleaved.
 *
 * @param piece index of the piece
 * @param start first token, in the piece
 * @param end last token, exclusive
 */
record Chunk(int piece, int start, int end) {
  /** The shortest piece that is cut: below, a chunk would be a dozen tokens. */
  private static final int SHORTEST_CUT = 64;

  /** Returns the pieces whole and in their order. */
  static List<Chunk> inOrder(List<Piece> pieces) {
    List<Chunk> chunks = new ArrayList<>(pieces.size());
    for (int i = 0; i < pieces.size(); i++) {
      chunks.add(new Chunk(i, 0, pieces.get(i).length()));
    }
    return chunks;
  }

  /**
   * Returns the pieces cut into two or three chunks each and spread over the row.
   *
   * <p>Chunks of one piece keep their order, and no two of them touch as long as other pieces have
   * chunks to stand between. A chunk holds at least a fifth of its piece.
   */
  static List<Chunk> interleaved(List<Piece> pieces, SplitMix64 random) {
    List<List<Chunk>> waiting = new ArrayList<>(pieces.size());
    int total = 0;
    for (int i = 0; i < pieces.size(); i++) {
      waiting.add(cut(i, pieces.get(i).length(), random));
      total += waiting.get(i).size();
    }
    int[] taken = new int[pieces.size()];
    List<Chunk> row = new ArrayList<>(total);
    int last = -1;
    for (; total > 0; total--) {
      last = draw(waiting, taken, total, last, random);
      row.add(waiting.get(last).get(taken[last]++));
    }
    return row;
  }

  private static List<Chunk> cut(int piece, int length, SplitMix64 random) {
    if (length < SHORTEST_CUT) {
      return List.of(new Chunk(piece, 0, length));
    }
    int fifth = (length + 4) / 5;
    if (random.below(2) == 0) {
      int middle = fifth + random.below(length - 2 * fifth + 1);
      return List.of(new Chunk(piece, 0, middle), new Chunk(piece, middle, length));
    }
    int slack = length - 3 * fifth; // shared out between the three chunks
    int first = fifth + random.below(slack / 2 + 1);
    int second = length - fifth - random.below(slack / 2 + 1);
    return List.of(
        new Chunk(piece, 0, first),
        new Chunk(piece, first, second),
        new Chunk(piece, second, length));
  }

  /** Draws the piece whose chunk comes next, in proportion to the chunks that wait. */
  private static int draw(
      List<List<Chunk>> waiting, int[] taken, int total, int last, SplitMix64 random) {
    int others = total;
    for (int i = 0; i < taken.length; i++) {
      int left = waiting.get(i).size() - taken[i];
      if (i == last) {
        others -= left;
      } else if (2 * left > total) {
        return i; // Put off any longer, two of its chunks would have to touch at the end.
      }
    }
    if (others == 0) {
      return last;
    }
    int ticket = random.below(others);
    for (int i = 0; ; i++) {
      int left = i == last ? 0 : waiting.get(i).size() - taken[i];
      if (ticket < left) {
        return i;
      }
      ticket -= left;
    }
  }
}
