package io.anchor4j.samediff;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.Precision;
import io.anchor4j.ops.AnchorOps;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.samediff.AttentionSite.Folding;
import io.anchor4j.samediff.AttentionSite.KeyBias;
import io.anchor4j.samediff.AttentionSite.Operand;
import io.anchor4j.samediff.AttentionSite.Projections;
import io.anchor4j.samediff.AttentionSite.Shape;
import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDIndex;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Writes one attention with the anchor op, beside the old ops.
 *
 * <p>A bias of a key rides in a dimension of its own: queries get a 1 there and keys the bias over
 * the scale, so that the score comes out as {@code scale * q k + bias}, whatever the bias is. That
 * keeps a padding mask exactly, for padded queries too, which document ids could not: under them a
 * padded query's output is 0. It costs one dimension.
 */
final class AttentionWriter {
  private final SameDiff graph;
  private final GraphView view;
  private final AttentionSite site;

  AttentionWriter(GraphView view, AttentionSite site) {
    this.graph = view.graph();
    this.view = view;
    this.site = site;
  }

  /**
   * Returns the result, in the form of the old one.
   *
   * @param documents INT [B, T], or null
   * @param positions INT [B, T], or null
   */
  SDVariable write(AttentionConfig config, SDVariable documents, SDVariable positions) {
    Projections weights = site.projections();
    SDVariable query = heads(site.query(), weights == null ? null : weights.query());
    SDVariable key = heads(site.key(), weights == null ? null : weights.key());
    SDVariable value = heads(site.value(), weights == null ? null : weights.value());
    Shape shape = site.shape();
    long dims = site.dimensions();
    if (!site.biases().isEmpty()) {
      query = graph.concat(3, query, graph.onesLike(column(query)));
      key = graph.concat(3, key, biasColumn(key, config.scale()));
    }
    query = widen(query, dims - site.scoredDimensions());
    key = widen(key, dims - site.scoredDimensions());
    value = widen(value, dims - shape.valueDim());
    RotaryConfig rotary = config.rotary();
    if (rotary != null && rotary.dimensions() == 0) {
      // The whole head, but not the dimension of the mask.
      config = config.withRotary(rotary.withDimensions((int) shape.headDim()));
    }
    SDVariable mixed =
        AnchorOps.attention(config, query, key, value, rows(documents), rows(positions));
    if (dims > shape.valueDim()) {
      SDIndex all = SDIndex.all();
      mixed = mixed.get(all, all, all, SDIndex.interval(0L, shape.valueDim()));
    }
    return weights == null ? asBefore(mixed) : projected(mixed, weights);
  }

  /** As [B, H, T, D]. */
  private SDVariable heads(Operand operand, String weight) {
    SDVariable variable = graph.getVariable(operand.variable());
    if (weight != null) {
      return split(graph.permute(variable, 0, 2, 1), graph.getVariable(weight));
    }
    SDVariable rows = operand.transposed() ? untransposed(operand.variable()) : variable;
    for (int rank = site.rank(); rank < 4; rank++) {
      rows = graph.expandDims(rows, rank == 3 ? 1 : 0);
    }
    return rows;
  }

  /** The variable with its last two axes swapped; two permutations become one, or none. */
  private SDVariable untransposed(String name) {
    int[] axes = swapLast(site.rank());
    SameDiffOp made = view.producer(name);
    boolean permuted =
        made != null
            && GraphView.nameOf(made).equals("permute")
            && GraphView.inputs(made).size() == 1;
    if (!permuted) {
      return graph.permute(graph.getVariable(name), axes);
    }
    long[] first = GraphView.integers(made);
    int[] both = Arrays.stream(axes).map(axis -> (int) first[axis]).toArray();
    SDVariable source = graph.getVariable(GraphView.inputs(made).get(0));
    boolean none = true;
    for (int i = 0; i < both.length; i++) {
      none &= both[i] == i;
    }
    return none ? source : graph.permute(source, both);
  }

  private static int[] swapLast(int rank) {
    int[] axes = new int[rank];
    Arrays.setAll(axes, i -> i);
    axes[rank - 1] = rank - 2;
    axes[rank - 2] = rank - 1;
    return axes;
  }

  /** [B, T, in] by [H, D, in] as [B, H, T, D]. */
  private SDVariable split(SDVariable tokens, SDVariable weight) {
    Projections weights = site.projections();
    SDVariable matrix = graph.permute(graph.reshape(weight, -1, weights.in()), 1, 0);
    SDVariable joined = AnchorOps.mixedLinear(Precision.FLOAT32, tokens, matrix, null);
    SDVariable split = graph.reshape(joined, sizes(tokens, weights.heads(), -1));
    return graph.permute(split, 0, 2, 1, 3);
  }

  /** [B, H, T, Dv] joined and by [H * Dv, out], as M2.1 returns it: [B, out, T]. */
  private SDVariable projected(SDVariable mixed, Projections weights) {
    SDVariable tokens = graph.permute(mixed, 0, 2, 1, 3);
    SDVariable joined = graph.reshape(tokens, sizes(tokens, -1));
    SDVariable output = graph.getVariable(weights.output());
    return graph.permute(AnchorOps.mixedLinear(Precision.FLOAT32, joined, output, null), 0, 2, 1);
  }

  /** A shape that begins with B and T, which the graph knows only when it runs. */
  private SDVariable sizes(SDVariable tokens, long... rest) {
    SDVariable first = graph.slice(graph.shape(tokens), new int[] {0}, 2);
    return graph.concat(0, first, graph.constant(Nd4j.createFromArray(rest)));
  }

  private SDVariable asBefore(SDVariable mixed) {
    SDVariable result = mixed;
    for (int rank = 4; rank > site.rank(); rank--) {
      result = graph.squeeze(result, rank == 4 ? 1 : 0);
    }
    return site.outputTransposed() ? graph.permute(result, swapLast(site.rank())) : result;
  }

  /** [B, H, T, 1] of zeros. */
  private SDVariable column(SDVariable heads) {
    return graph.zerosLike(graph.sum(heads, /* keepDims= */ true, 3));
  }

  private SDVariable widen(SDVariable heads, long columns) {
    if (columns == 0) {
      return heads;
    }
    var parts = new SDVariable[(int) columns + 1];
    Arrays.fill(parts, column(heads));
    parts[0] = heads;
    return graph.concat(3, parts);
  }

  /**
   * The sum of all biases over the scale, for the keys' dimension of their own. The largest of a
   * row is taken off, which a softmax does not see: a row of padding alone would else have scores
   * of -1e9, whose log-sum-exp in float cannot hold how many there are, and gradients too large.
   */
  private SDVariable biasColumn(SDVariable key, double scale) {
    SDVariable sum = column(key);
    for (KeyBias bias : site.biases()) {
      SDVariable values = graph.getVariable(bias.variable());
      if (values.dataType() != key.dataType()) {
        values = values.castTo(key.dataType());
      }
      values = values.mul(bias.factor() / scale);
      if (bias.offset() != 0) {
        values = values.add(bias.offset() / scale);
      }
      sum = sum.add(keysAsRows(values, bias));
    }
    return sum.sub(graph.max(sum, /* keepDims= */ true, 2));
  }

  /** As [B or 1, H or 1, Tk, 1]. */
  private SDVariable keysAsRows(SDVariable values, KeyBias bias) {
    if (bias.perBatch()) {
      return graph.expandDims(graph.expandDims(values, 1), 3); // [B, Tk]
    }
    int rank = bias.rank();
    SDVariable rows = values;
    if (rank == 1) {
      rows = graph.expandDims(values, 1);
      rank = 2;
    } else if (bias.keyAxis() == 1) {
      rows = graph.permute(values, swapLast(rank));
    }
    if (rank == 3) {
      // Scores of rank 3 are [N, Tq, Tk], N being the op's B; a bias [H, 1, Tk] of scores of rank
      // 4 has its heads first.
      return graph.expandDims(rows, site.rank() == 3 ? 1 : 0);
    }
    return rank == 2 ? graph.expandDims(graph.expandDims(rows, 0), 0) : rows;
  }

  /** What is [B, T] for each row of folded heads. */
  private SDVariable rows(SDVariable tokens) {
    Folding folding = site.folding();
    if (tokens == null || folding.heads() == 1) {
      return tokens;
    }
    var copies = new SDVariable[(int) folding.heads()];
    Arrays.fill(copies, tokens);
    if (folding.headMajor()) {
      return graph.concat(0, copies);
    }
    SDVariable length = graph.slice(graph.shape(tokens), new int[] {1}, 1);
    SDVariable rows = graph.constant(Nd4j.createFromArray(new long[] {-1}));
    return graph.reshape(graph.stack(1, copies), graph.concat(0, rows, length));
  }
}
