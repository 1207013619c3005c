package io.anchor4j.kernel.nd4j;

import io.anchor4j.attention.Alibi;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.attention.DocumentMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.nd4j.AttentionTiles.KeyTile;
import io.anchor4j.kernel.nd4j.AttentionTiles.QueryBlock;
import io.anchor4j.rotary.RotaryAngles;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.custom.Max;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Attention of one row of the batch, tile by tile with an online softmax.
 *
 * <p>Gathered arrays are [Hkv, rows, W], W = D + 1 (see {@link GatheredHeads}). Queries are scaled
 * when gathered; the last column of keys and values is 1, so that whatever stands in the last
 * column of queries (-logSumExp) or output gradients (-delta) is added to a whole row of the
 * product.
 *
 * @see <a href="https://arxiv.org/abs/2307.08691">FlashAttention-2</a>
 */
final class BlockwiseAttention {
  /** Stands for -infinity as a running maximum: subtracted from itself it gives 0, not NaN. */
  private static final double LOWEST = -3e38;

  /** Scores of as many heads as fit this many elements are treated in one call. */
  private static final long TILE_ELEMENTS = 1 << 20;

  private final AttentionConfig config;
  private final AttentionShapes shapes;
  private final DataType type;
  private final AttentionTiles tiles;
  private final GatheredHeads queries;
  private final GatheredHeads keys;
  private final RotaryTable queryTable; // null where nothing is rotated
  private final RotaryTable keyTable;
  private final double[] slopes;
  private final INDArray query; // scaled, exact enough for the score product
  private final INDArray key;
  private final INDArray queryOperand; // rounded for the other products
  private final INDArray keyOperand;
  private final INDArray value;

  BlockwiseAttention(AttentionArguments arguments, int b) {
    config = arguments.config();
    shapes = arguments.shapes();
    type = Scratch.computeType(arguments.query().dataType());
    slopes = Alibi.slopes(shapes.heads());
    int[] positions = Views.first(arguments.positions(), b).toIntVector();
    var mask = DocumentMask.of(config, Views.first(arguments.documents(), b).toIntVector());
    tiles = new AttentionTiles(config, shapes, mask, positions, type);
    int[] queryTokens = tiles.queryTokens();
    int[] keyTokens = mask.tokens().toArray();
    int firstQuery = shapes.tokens() - shapes.queryTokens();
    queries =
        new GatheredHeads(
            queryTokens, shapes.kvHeads(), shapes.group(), shapes.headDim(), firstQuery);
    keys = new GatheredHeads(keyTokens, shapes.kvHeads(), 1, shapes.headDim(), 0);
    RotaryAngles angles =
        config.rotary() == null
            ? null
            : RotaryAngles.of(config.rotary(), positions, shapes.headDim());
    queryTable = table(angles, queryTokens, shapes.group());
    keyTable = table(angles, keyTokens, 1);

    query = rotated(queries, queryTable, Views.first(arguments.query(), b), 0);
    key = rotated(keys, keyTable, Views.first(arguments.key(), b), 1);
    value = keys.gather(Views.first(arguments.value(), b), type, 1);
    Products.round(keys.dimensions(value), config.precision());
    if (config.precision() == Precision.BFLOAT16_COMPENSATED && type != DataType.DOUBLE) {
      queryOperand = Scratch.uninitialized(type, query.shape()).assign(query);
      keyOperand = Scratch.uninitialized(type, key.shape()).assign(key);
    } else {
      queryOperand = query;
      keyOperand = key;
    }
    Products.round(queries.dimensions(queryOperand), config.precision());
    Products.round(keys.dimensions(keyOperand), config.precision());
    double scale = config.scaleFor(shapes.headDim());
    query.muli(scale);
    if (queryOperand != query) {
      queryOperand.muli(scale);
    }
  }

  private RotaryTable table(RotaryAngles angles, int[] tokens, int repeats) {
    return angles == null
        ? null
        : new RotaryTable(config.rotary().pairing(), angles, tokens, repeats, shapes.headDim() + 1);
  }

  private INDArray rotated(GatheredHeads layout, RotaryTable table, INDArray heads, double last) {
    INDArray gathered = layout.gather(heads, type, last);
    if (table != null) {
      table.apply(gathered, /* inverse= */ false);
    }
    return gathered;
  }

  /** Returns whether every query of a row is padding: there is nothing to gather, all is 0. */
  static boolean seesNothing(AttentionArguments arguments, int b) {
    int[] documents = Views.first(arguments.documents(), b).toIntVector();
    int queries = arguments.shapes().queryTokens();
    return Arrays.stream(documents)
        .skip(documents.length - queries)
        .allMatch(document -> document == AttentionMask.PADDING_ID);
  }

  /** Fills output [H, Tq, D] and logSumExp [H, Tq]. */
  void forward(INDArray output, INDArray logSumExp) {
    INDArray gatheredOutput = queries.zeros(type);
    INDArray sums = Scratch.uninitialized(type, shapes.kvHeads(), queries.rows());
    tiles.forEachBlock(
        block -> {
          int chunk = headsAtOnce(block);
          for (int head = 0; head < shapes.kvHeads(); head += chunk) {
            int heads = Math.min(chunk, shapes.kvHeads() - head);
            forward(block, head, heads, gatheredOutput, sums);
          }
        });
    queries.scatter(gatheredOutput, output);
    queries.scatterStatistics(sums, logSumExp, Double.NEGATIVE_INFINITY);
  }

  private void forward(QueryBlock block, int head, int heads, INDArray output, INDArray logSumExp) {
    int rows = rows(block);
    INDArray max = Scratch.uninitialized(type, (long) heads * rows, 1).assign(LOWEST);
    INDArray sum = Scratch.zeros(type, (long) heads * rows, 1);
    for (KeyTile tile : block.tiles()) {
      try (var scratch = Scratch.ofTile()) {
        addTile(block, tile, head, heads, max, sum, output);
      }
    }
    for (int h = 0; h < heads; h++) {
      rows(output, head + h, block).divi(Views.rows(sum, (long) h * rows, rows, 1));
    }
    INDArray total = max.addi(Transforms.log(sum, false));
    for (int h = 0; h < heads; h++) {
      Views.rows(logSumExp, (head + h) * queries.rows() + block.row(), rows, 1)
          .assign(Views.rows(total, (long) h * rows, rows, 1));
    }
  }

  /** Takes one more tile into the running maximum, sum of exponentials and output. */
  private void addTile(
      QueryBlock block,
      KeyTile tile,
      int head,
      int heads,
      INDArray max,
      INDArray sum,
      INDArray output) {
    int rows = rows(block);
    INDArray scores = scores(block, tile, head, heads);
    // The running maximum grows; what was summed under the old one is scaled down.
    INDArray newMax = Scratch.uninitialized(type, max.shape());
    Nd4j.exec(new Max(max, scores.max(true, 1), newMax));
    INDArray shrink = Transforms.exp(max.sub(newMax), false);
    max.assign(newMax);
    Transforms.exp(scores.subi(max), false);
    sum.muli(shrink).addi(scores.sum(true, 1));
    Products.round(scores, config.precision());
    for (int h = 0; h < heads; h++) {
      INDArray accumulated = rows(output, head + h, block);
      accumulated.muli(Views.rows(shrink, (long) h * rows, rows, 1));
      Products.gemm(
          scores(scores, h, rows), false, keyRows(value, head + h, tile), false, accumulated, 1, 1);
    }
  }

  /** Fills the gradients of query [H, Tq, D], key and value [Hkv, Tk, D]. */
  void backward(
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    INDArray gradient = queries.gather(outputGradient, type, 0);
    INDArray delta = queries.gather(output, type, 0).muli(gradient).sum(2);
    Products.round(queries.dimensions(gradient), config.precision());
    queries.column(gradient).assign(delta.negi());
    queries.column(query).assign(queries.gatherStatistics(logSumExp, type).negi());

    INDArray gatheredQuery = queries.zeros(type);
    INDArray gatheredKey = keys.zeros(type);
    INDArray gatheredValue = keys.zeros(type);
    tiles.forEachBlock(
        block -> {
          int chunk = headsAtOnce(block);
          for (int head = 0; head < shapes.kvHeads(); head += chunk) {
            int heads = Math.min(chunk, shapes.kvHeads() - head);
            for (KeyTile tile : block.tiles()) {
              try (var scratch = Scratch.ofTile()) {
                backward(
                    block, tile, head, heads, gradient, gatheredQuery, gatheredKey, gatheredValue);
              }
            }
          }
        });
    gatheredQuery.muli(config.scaleFor(shapes.headDim()));
    if (queryTable != null) {
      // A rotation's gradient is the rotation turned back.
      queryTable.apply(gatheredQuery, /* inverse= */ true);
      keyTable.apply(gatheredKey, /* inverse= */ true);
    }
    queries.scatter(gatheredQuery, queryGradient);
    keys.scatter(gatheredKey, keyGradient);
    keys.scatter(gatheredValue, valueGradient);
  }

  private void backward(
      QueryBlock block,
      KeyTile tile,
      int head,
      int heads,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    int rows = rows(block);
    // Queries carry -logSumExp, so the exponential is the softmax itself.
    INDArray weights = Transforms.exp(scores(block, tile, head, heads), false);
    INDArray slopes = Scratch.uninitialized(type, weights.shape());
    for (int h = 0; h < heads; h++) {
      // Output gradients carry -delta.
      Products.gemm(
          rows(outputGradient, head + h, block),
          false,
          keyRows(value, head + h, tile),
          true,
          scores(slopes, h, rows),
          1,
          0);
    }
    slopes.muli(weights);
    Products.round(slopes, config.precision());
    Products.round(weights, config.precision());
    for (int h = 0; h < heads; h++) {
      INDArray weight = scores(weights, h, rows);
      INDArray slope = scores(slopes, h, rows);
      INDArray gradientRows = rows(outputGradient, head + h, block);
      INDArray queryRows = rows(queryOperand, head + h, block);
      Products.gemm(
          weight, true, gradientRows, false, keyRows(valueGradient, head + h, tile), 1, 1);
      Products.gemm(slope, true, queryRows, false, keyRows(keyGradient, head + h, tile), 1, 1);
      Products.gemm(
          slope,
          false,
          keyRows(keyOperand, head + h, tile),
          false,
          rows(queryGradient, head + h, block),
          1,
          1);
    }
  }

  /** Masked scores of a tile for some key heads, [heads * rows, keys]. */
  private INDArray scores(QueryBlock block, KeyTile tile, int head, int heads) {
    int rows = rows(block);
    INDArray scores = Scratch.uninitialized(type, (long) heads * rows, tile.keys());
    for (int h = 0; h < heads; h++) {
      INDArray score = scores(scores, h, rows);
      Products.gemm(
          rows(query, head + h, block), false, keyRows(key, head + h, tile), true, score, 1, 0);
      if (tile.distances() != null) {
        score.subi(tile.distances().mul(slopeColumn(head + h, rows)));
      }
      if (tile.mask() != null) {
        score.addi(tile.mask());
      }
    }
    return scores;
  }

  /** The slope of each row of a block for one key head: its G query heads take turns. */
  private INDArray slopeColumn(int kvHead, int rows) {
    var column = new double[rows];
    for (int row = 0; row < rows; row++) {
      column[row] = slopes[kvHead * shapes.group() + row % shapes.group()];
    }
    return Scratch.of(type, column, rows, 1);
  }

  private int headsAtOnce(QueryBlock block) {
    int keysOfTile = block.tiles().stream().mapToInt(KeyTile::keys).max().orElseThrow();
    return (int) Math.max(1, TILE_ELEMENTS / ((long) rows(block) * keysOfTile));
  }

  private int rows(QueryBlock block) {
    return (block.end() - block.start()) * shapes.group();
  }

  private static INDArray scores(INDArray scores, long h, int rows) {
    return Views.rows(scores, h * rows * scores.size(1), rows, scores.size(1));
  }

  private INDArray rows(INDArray gathered, int kvHead, QueryBlock block) {
    int width = queries.width();
    long row = kvHead * queries.rows() + block.row();
    return Views.rows(gathered, row * width, rows(block), width);
  }

  private INDArray keyRows(INDArray gathered, int kvHead, KeyTile tile) {
    int width = keys.width();
    long row = kvHead * keys.rows() + tile.start();
    return Views.rows(gathered, row * width, tile.keys(), width);
  }
}
