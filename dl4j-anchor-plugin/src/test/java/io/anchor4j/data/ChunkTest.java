package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.primitives.ImmutableIntArray;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ChunkTest {
  private static List<Piece> pieces(int... lengths) {
    List<Piece> pieces = new ArrayList<>();
    for (int length : lengths) {
      pieces.add(new Piece(new int[length], 0, length, ImmutableIntArray.of()));
    }
    return pieces;
  }

  @Test
  void chunksCoverTheirPieceInOrderAndHoldAFifthOfIt() {
    Random random = new Random(3);
    for (int repeat = 0; repeat < 500; repeat++) {
      int[] lengths = random.ints(1 + random.nextInt(12), 1, 300).toArray();
      int[] reached = new int[lengths.length];
      int[] chunks = new int[lengths.length];
      for (Chunk chunk : Chunk.interleaved(pieces(lengths), new SplitMix64(3, repeat))) {
        int length = lengths[chunk.piece()];
        assertEquals(reached[chunk.piece()], chunk.start());
        assertTrue(5 * (chunk.end() - chunk.start()) >= length, chunk + " of " + length);
        reached[chunk.piece()] = chunk.end();
        chunks[chunk.piece()]++;
      }
      for (int i = 0; i < lengths.length; i++) {
        assertEquals(lengths[i], reached[i]);
        assertTrue(lengths[i] < 64 ? chunks[i] == 1 : chunks[i] == 2 || chunks[i] == 3);
      }
    }
  }

  /**
   * By counting: chunks of a piece can be kept apart if they are at most one more than the rest.
   */
  @Test
  void chunksOfOnePieceTouchOnlyWhereTheyMust() {
    Random random = new Random(4);
    for (int repeat = 0; repeat < 2000; repeat++) {
      int[] lengths = random.ints(1 + random.nextInt(6), 1, 130).toArray();
      List<Chunk> row = Chunk.interleaved(pieces(lengths), new SplitMix64(4, repeat));
      int most = 0;
      for (int i = 0; i < lengths.length; i++) {
        int piece = i;
        most = Math.max(most, (int) row.stream().filter(c -> c.piece() == piece).count());
      }
      int touching = 0;
      for (int i = 1; i < row.size(); i++) {
        touching += row.get(i).piece() == row.get(i - 1).piece() ? 1 : 0;
      }
      assertEquals(Math.max(0, most - (row.size() - most) - 1), touching, row::toString);
    }
  }
}
