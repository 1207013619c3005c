package io.anchor4j.kernel.nd4j;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.attention.DocumentMask;
import io.anchor4j.attention.DocumentMask.Document;
import io.anchor4j.attention.DocumentMask.Tile;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The order in which one row's scores are computed: blocks of queries, and for each the tiles of
 * keys it sees. Forward and backward walk the same tiles.
 */
final class AttentionTiles {
  // Large enough that the tens of microseconds an ND4J call costs are lost in the product it makes,
  // small enough that a tile of scores (1 MiB a head) stays in the cache.
  private static final int QUERY_ROWS = 256;
  private static final int KEYS = 1024;

  /**
   * A tile of keys [start, end) in gathered order.
   *
   * @param mask [rows, keys] of 0 and -infinity to add, or null where every pair is visible
   * @param distances [rows, keys] for ALiBi, or null
   */
  record KeyTile(int start, int end, INDArray mask, INDArray distances) {
    int keys() {
      return end - start;
    }
  }

  /**
   * A block of queries [start, end) in gathered order, all of one document.
   *
   * @param row the first row of the gathered query arrays
   * @param tiles the keys they see
   */
  record QueryBlock(int start, int end, int row, List<KeyTile> tiles) {}

  private final AttentionConfig config;
  private final AttentionShapes shapes;
  private final DocumentMask mask;
  private final int[] positions;
  private final DataType type;

  AttentionTiles(
      AttentionConfig config,
      AttentionShapes shapes,
      DocumentMask mask,
      int[] positions,
      DataType type) {
    this.config = config;
    this.shapes = shapes;
    this.mask = mask;
    this.positions = positions;
    this.type = type;
  }

  /** Tokens of the mask's order that are queries: the last Tq tokens of the row. */
  int[] queryTokens() {
    return mask.tokens().stream().filter(t -> t >= firstQuery()).toArray();
  }

  private int firstQuery() {
    return shapes.tokens() - shapes.queryTokens();
  }

  /** Calls {@code body} for each block; its tiles live as long as the call. */
  void forEachBlock(Consumer<QueryBlock> body) {
    int queriesInBlock = Math.max(1, QUERY_ROWS / shapes.group());
    int row = 0;
    for (Document document : mask.documents()) {
      int start = document.start();
      while (start < document.end() && mask.tokens().get(start) < firstQuery()) {
        start++;
      }
      for (int from = start; from < document.end(); from += queriesInBlock) {
        int to = Math.min(from + queriesInBlock, document.end());
        try (var scratch = Scratch.ofBlock()) {
          body.accept(new QueryBlock(from, to, row, keyTiles(document, from, to)));
        }
        row += (to - from) * shapes.group();
      }
    }
  }

  private List<KeyTile> keyTiles(Document document, int from, int to) {
    var tiles = new ArrayList<KeyTile>();
    if (document.seesAnchors()) {
      addTiles(tiles, from, to, 0, mask.anchors());
    }
    if (config.causal()) {
      // The square on the diagonal stands alone, so that no other tile needs a mask.
      addTiles(tiles, from, to, document.start(), from);
      addTiles(tiles, from, to, from, to);
    } else {
      addTiles(tiles, from, to, document.start(), document.end());
    }
    return tiles;
  }

  private void addTiles(List<KeyTile> tiles, int from, int to, int firstKey, int endKey) {
    for (int start = firstKey; start < endKey; start += KEYS) {
      int end = Math.min(start + KEYS, endKey);
      Tile kind = mask.tile(from, to, start, end);
      if (kind != Tile.EMPTY) {
        INDArray hidden = kind == Tile.FULL ? null : hidden(from, to, start, end);
        tiles.add(
            new KeyTile(
                start, end, hidden, config.alibi() ? distances(from, to, start, end) : null));
      }
    }
  }

  private interface PairValue {
    float of(int query, int key);
  }

  private INDArray hidden(int from, int to, int start, int end) {
    return pairs(from, to, start, end, (q, k) -> mask.visible(q, k) ? 0 : Float.NEGATIVE_INFINITY);
  }

  private INDArray distances(int from, int to, int start, int end) {
    return pairs(
        from,
        to,
        start,
        end,
        (q, k) ->
            Math.abs((long) positions[mask.tokens().get(q)] - positions[mask.tokens().get(k)]));
  }

  private INDArray pairs(int from, int to, int start, int end, PairValue value) {
    int group = shapes.group();
    int keys = end - start;
    var values = new float[(to - from) * group * keys];
    for (int q = from; q < to; q++) {
      int row = (q - from) * group * keys;
      for (int k = start; k < end; k++) {
        values[row + k - start] = value.of(q, k);
      }
      for (int g = 1; g < group; g++) {
        System.arraycopy(values, row, values, row + g * keys, keys);
      }
    }
    return Scratch.of(type, values, (long) (to - from) * group, keys);
  }
}
