package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PackedRowTest {
  /** Ids from -1 to 4 in any order: anchors anywhere, pieces apart, padding in the middle. */
  private static PackedRow randomRow(Random random, int tokens) {
    int[] ids = random.ints(tokens, 0, 50).toArray();
    int[] documents = random.ints(tokens, -1, 5).toArray();
    int[] labels =
        random.nextBoolean()
            ? null
            : random.ints(tokens, 0, 60).map(id -> id >= 50 ? PackedRow.IGNORED : id).toArray();
    return new PackedRow(ids, documents, null, labels);
  }

  /** Position t by its definition: a count over the tokens before t, with no state. */
  private static int positionByDefinition(int[] documents, int t) {
    int same = (int) IntStream.range(0, t).filter(s -> documents[s] == documents[t]).count();
    int anchors = (int) Arrays.stream(documents).filter(id -> id == 0).count();
    if (documents[t] == -1) {
      return 0;
    }
    return documents[t] == 0 ? same : anchors + same;
  }

  @ParameterizedTest(name = "T={0}")
  @ValueSource(ints = {1, 2, 13, 64, 207})
  void perDocumentPositionsCountEachDocumentFromTheAnchors(int tokens) {
    Random random = new Random(1);
    for (int repeat = 0; repeat < 50; repeat++) {
      PackedRow row = randomRow(random, tokens);
      int[] expected =
          IntStream.range(0, tokens).map(t -> positionByDefinition(row.documentIds(), t)).toArray();
      assertArrayEquals(expected, row.positions(Positions.PER_DOCUMENT), row::toString);
    }
  }

  @Test
  void positionsOfAWorkedExample() {
    int[] documents = {0, 7, 7, 3, 0, 7, -1, 3};
    PackedRow row = new PackedRow(new int[8], documents);
    assertArrayEquals(new int[] {0, 2, 3, 2, 1, 4, 0, 3}, row.positions(Positions.PER_DOCUMENT));
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, row.positions(Positions.CONTINUOUS));
  }

  @ParameterizedTest
  @EnumSource(Positions.class)
  void explicitPositionsWin(Positions rule) {
    int[] explicit = {5, 0, 9};
    PackedRow row = new PackedRow(new int[3], new int[] {0, 1, 2}, explicit, null);
    assertArrayEquals(explicit, row.positions(rule));
  }

  @ParameterizedTest
  @EnumSource(BoundaryLabels.class)
  void targetsAreTheLabelsThatCountMovedOneToTheLeft(BoundaryLabels boundaries) {
    Random random = new Random(2);
    for (int tokens : new int[] {1, 2, 13, 64, 207}) {
      for (int repeat = 0; repeat < 50; repeat++) {
        PackedRow row = randomRow(random, tokens);
        int[] documents = row.documentIds();
        int[] targets = row.targets(boundaries);
        int counting = 0;
        for (int label = 1; label < tokens; label++) {
          int wanted = row.labels() == null ? row.inputIds()[label] : row.labels()[label];
          if (documents[label] == -1 || documents[label - 1] == -1) {
            wanted = -100;
          }
          if (boundaries == BoundaryLabels.IGNORE && documents[label] != documents[label - 1]) {
            wanted = -100;
          }
          counting += wanted == -100 ? 0 : 1;
          assertEquals(wanted, targets[label - 1], row + " at " + label);
        }
        assertEquals(-100, targets[tokens - 1]);
        assertEquals(counting, PackedRow.countTargets(targets));
      }
    }
  }

  @Test
  void targetsOfAWorkedExample() {
    PackedRow row = new PackedRow(new int[] {1, 10, 11, 20, 21, 0}, new int[] {0, 1, 1, 2, 2, -1});
    assertArrayEquals(
        new int[] {-100, 11, -100, 21, -100, -100}, row.targets(BoundaryLabels.IGNORE));
    assertArrayEquals(new int[] {10, 11, 20, 21, -100, -100}, row.targets(BoundaryLabels.KEEP));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''      | ''       |       |           | \"input_ids\" is empty: a row holds at least one token",
        "1 2     | 1        |       |           | \"document_ids\" has 1 entries, \"input_ids\" has 2: they must be as many",
        "1 2     | 1 1      | 0     |           | \"position_ids\" has 1 entries, \"input_ids\" has 2: they must be as many",
        "1 2     | 1 1      |       | 1 2 3     | \"labels\" has 3 entries, \"input_ids\" has 2: they must be as many",
        "1 -2    | 1 1      |       |           | \"input_ids\"[1] is -2, must be at least 0",
        "1 2     | -2 1     |       |           | \"document_ids\"[0] is -2, must be at least -1",
        "1 2     | 1 1      | 0 -1  |           | \"position_ids\"[1] is -1, must be at least 0",
        "1 2     | 1 1      |       | -100 -1   | \"labels\"[1] is -1, must be a token id or -100",
      })
  void anInvalidRowIsRefused(
      String ids, String documents, String positions, String labels, String message) {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> new PackedRow(ints(ids), ints(documents), ints(positions), ints(labels)));
    assertEquals(message, error.getMessage());
  }

  @Test
  void idsOutsideTheVocabularyAreNamedWithTheirPlace() {
    PackedRow row =
        new PackedRow(new int[] {1, 511}, new int[] {1, 1}, null, new int[] {-100, 600});
    row.checkVocabulary(601);
    assertEquals(
        "\"input_ids\"[1] is 511, outside the vocabulary of 511 tokens (0 to 510)",
        assertThrows(IllegalArgumentException.class, () -> row.checkVocabulary(511)).getMessage());
    assertEquals(
        "\"labels\"[1] is 600, outside the vocabulary of 600 tokens (0 to 599)",
        assertThrows(IllegalArgumentException.class, () -> row.checkVocabulary(600)).getMessage());
  }

  @Test
  void rowsAreEqualByTheirNumbers() {
    PackedRow row = new PackedRow(new int[] {1}, new int[] {1}, new int[] {0}, new int[] {1});
    assertEquals(row, new PackedRow(new int[] {1}, new int[] {1}, new int[] {0}, new int[] {1}));
    assertEquals(
        row.hashCode(),
        new PackedRow(new int[] {1}, new int[] {1}, new int[] {0}, new int[] {1}).hashCode());
    assertNotEquals(row, new PackedRow(new int[] {1}, new int[] {1}, null, new int[] {1}));
    assertNotEquals(row, new PackedRow(new int[] {1}, new int[] {1}, new int[] {0}, null));
    assertNotEquals(row, new PackedRow(new int[] {1}, new int[] {2}, new int[] {0}, new int[] {1}));
  }

  private static int[] ints(String text) {
    if (text == null) {
      return null;
    }
    return text.isEmpty()
        ? new int[0]
        : Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
  }
}
