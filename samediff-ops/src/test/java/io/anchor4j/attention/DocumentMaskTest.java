package io.anchor4j.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.DocumentMask.Document;
import io.anchor4j.attention.DocumentMask.Tile;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DocumentMaskTest {
  private static final List<AttentionMask> MASKS = List.of(AttentionMask.values());

  @Test
  void tokensLieDocumentByDocumentWithAnchorsFirstAndPaddingLeftOut() {
    var mask =
        DocumentMask.of(
            AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR),
            new int[] {5, 0, 5, -1, 2, 0, 5});
    assertEquals("[1, 5, 0, 2, 6, 4]", mask.tokens().toString());
    assertEquals(2, mask.anchors());
    assertEquals(
        "[Document[start=0, end=2, seesAnchors=false, windowed=false], "
            + "Document[start=2, end=5, seesAnchors=true, windowed=false], "
            + "Document[start=5, end=6, seesAnchors=true, windowed=false]]",
        mask.documents().toString());
  }

  /** Over random rows: nothing visible lies outside a document's tiles, and classes tell true. */
  @Test
  void documentsAndTilesTogetherAreExactlyTheMask() {
    var random = new Random(3);
    for (int round = 0; round < 400; round++) {
      int[] ids = random.ints(1 + random.nextInt(30), -1, 4).toArray();
      AttentionConfig config =
          AttentionConfig.DEFAULT
              .withMask(MASKS.get(random.nextInt(3)))
              .withCausal(random.nextBoolean())
              .withWindow(random.nextInt(3) == 0 ? 1 + random.nextInt(8) : 0);
      var mask = DocumentMask.of(config, ids);
      var seen = new boolean[ids.length][ids.length];
      for (Document document : mask.documents()) {
        markTiles(mask, document, document.start(), document.end(), seen, random);
        if (document.seesAnchors()) {
          markTiles(mask, document, 0, mask.anchors(), seen, random);
        }
      }
      for (int q = 0; q < ids.length; q++) {
        for (int k = 0; k < ids.length; k++) {
          boolean visible = config.mask().visible(ids, q, k, config.causal(), config.window());
          assertEquals(visible, seen[q][k], config + " " + Arrays.toString(ids) + q + "," + k);
        }
      }
    }
  }

  private static void markTiles(
      DocumentMask mask, Document queries, int from, int to, boolean[][] seen, Random random) {
    int height = 1 + random.nextInt(6);
    int width = 1 + random.nextInt(6);
    for (int q0 = queries.start(); q0 < queries.end(); q0 += height) {
      int q1 = Math.min(q0 + height, queries.end());
      for (int k0 = from; k0 < to; k0 += width) {
        int k1 = Math.min(k0 + width, to);
        Tile tile = mask.tile(q0, q1, k0, k1);
        for (int q = q0; q < q1; q++) {
          for (int k = k0; k < k1; k++) {
            if (tile == Tile.FULL || (tile == Tile.PARTIAL && mask.visible(q, k))) {
              boolean[] row = seen[mask.tokens().get(q)];
              assertTrue(!row[mask.tokens().get(k)], "a pair is computed once");
              row[mask.tokens().get(k)] = true;
            }
          }
        }
      }
    }
  }
}
