package io.anchor4j.benchmarks.work;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentsTest {

  @ParameterizedTest
  @EnumSource(AttentionMask.class)
  void visiblePairsAreThoseOfTheRule(AttentionMask mask) {
    int[] documents = {0, 1, 1, 1, 2, -1, 0, 2, 2, 3, -1, 1};
    long expected = 0;
    for (int q = 0; q < documents.length; q++) {
      for (int k = 0; k < documents.length; k++) {
        expected += mask.visible(documents, q, k, /* causal= */ true, /* window= */ 0) ? 1 : 0;
      }
    }
    assertEquals(expected, Documents.visiblePairs(mask, documents));
  }

  @ParameterizedTest
  @ValueSource(ints = {128, 512, 1024, 4096})
  void lengthsAreSeededAndNearTheirMean(int mean) {
    int tokens = 400 * mean;
    int[] ids = Documents.exponential(tokens, mean, 7);
    assertArrayEquals(ids, Documents.exponential(tokens, mean, 7));
    assertEquals(mean, (double) tokens / Documents.count(ids), 0.15 * mean);
    for (int t = 1; t < tokens; t++) {
      assertTrue(ids[t] == ids[t - 1] || ids[t] == ids[t - 1] + 1, "ids count up");
    }
  }

  @Test
  void equalDocumentsFillTheRow() {
    assertArrayEquals(new int[] {1, 1, 1, 1, 2, 2, 2, 3, 3, 3}, Documents.equal(10, 3));
    assertArrayEquals(new int[] {0, 1, 2, 2}, Documents.anchored(Documents.equal(4, 2)));
  }
}
