package io.anchor4j.samples.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.data.PackedRow;
import java.util.List;
import org.junit.jupiter.api.Test;

class LongRowsTest {
  private static List<PackedRow> rows(int most, String... texts) {
    List<DemoCorpus.Document> documents =
        List.of(texts).stream().map(text -> new DemoCorpus.Document("", text)).toList();
    return LongRows.of(documents, text -> text.chars().toArray(), 1, 4, most);
  }

  @Test
  void aRowIsAnAnchorAndOnePieceOfOneDocument() {
    List<PackedRow> rows = rows(9, "abcdefgh", "ij", "klm");
    assertEquals(3, rows.size());
    assertArrayEquals(new int[] {1, 'a', 'b', 'c'}, rows.get(0).inputIds());
    assertArrayEquals(new int[] {0, 1, 1, 1}, rows.get(0).documentIds());
    // Every document's first piece comes before any document's second; a rest fills no row.
    assertArrayEquals(new int[] {1, 'k', 'l', 'm'}, rows.get(1).inputIds());
    assertArrayEquals(new int[] {1, 'd', 'e', 'f'}, rows.get(2).inputIds());
  }

  @Test
  void thereAreNoMoreRowsThanAskedFor() {
    assertEquals(2, rows(2, "abcdefgh", "abcdefgh").size());
    assertEquals(0, rows(2, "ab").size());
  }
}
