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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.NameScope;
import org.nd4j.autodiff.samediff.SDIndex;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Writes one attention with the anchor op in the place of the old ops.
 *
 * <p>A bias of a key rides in a dimension of its own: queries get a 1 there and keys the bias over
 * the scale, so that the score comes out as {@code scale * q k + bias}, whatever the bias is. That
 * keeps a padding mask exactly, for padded queries too, which document ids could not: under them a
 * padded query's output is 0. It costs one dimension.
 */
final class AttentionGraft {
  private final SameDiff graph;
  private final GraphView view;
  private final AttentionSite site;

  AttentionGraft(GraphView view, AttentionSite site) {
    this.graph = view.graph();
    this.view = view;
    this.site = site;
  }

  /** The dimensions of a head in the op: masks take one, and all three inputs have the same. */
  static long dimensions(AttentionSite site) {
    long scored = site.shape().headDim() + (site.biases().isEmpty() ? 0 : 1);
    return Math.max(scored, site.shape().valueDim());
  }

  /**
   * Puts the anchor op in.
   *
   * @param options what differs from the old maths
   * @param documents the placeholder, or null
   * @return the variables that went with the old ops
   */
  Set<String> apply(UnaryOperator<AttentionConfig> options, SDVariable documents) {
    var before = new LinkedHashSet<>(graph.getOps().keySet());
    SDVariable result;
    try (NameScope scope = graph.withNameScope(site.output() + "-anchor")) {
      result = build(options.apply(config()), documents);
    }
    var added = new LinkedHashSet<>(graph.getOps().keySet());
    added.removeAll(before);
    Set<String> gone = replace(result.name(), added);
    GraphSnapshot.dropDerived(graph);
    return gone;
  }

  private AttentionConfig config() {
    return AttentionConfig.DEFAULT.withCausal(site.causal()).withScale(site.scale());
  }

  private SDVariable build(AttentionConfig config, SDVariable documents) {
    Projections weights = site.projections();
    SDVariable query = heads(site.query(), weights == null ? null : weights.query());
    SDVariable key = heads(site.key(), weights == null ? null : weights.key());
    SDVariable value = heads(site.value(), weights == null ? null : weights.value());
    Shape shape = site.shape();
    long dims = dimensions(site);
    if (!site.biases().isEmpty()) {
      query = graph.concat(3, query, graph.onesLike(column(query)));
      key = graph.concat(3, key, biasColumn(key, config.scale()));
    }
    long scored = shape.headDim() + (site.biases().isEmpty() ? 0 : 1);
    query = widen(query, dims - scored);
    key = widen(key, dims - scored);
    value = widen(value, dims - shape.valueDim());
    RotaryConfig rotary = config.rotary();
    if (rotary != null && rotary.dimensions() == 0) {
      // The whole head, but not the dimension of the mask.
      config = config.withRotary(rotary.withDimensions((int) shape.headDim()));
    }
    SDVariable rows = documents == null ? null : documentRows(documents);
    SDVariable mixed = AnchorOps.attention(config, query, key, value, rows, null);
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

  /** Documents [B, T] for each row of folded heads. */
  private SDVariable documentRows(SDVariable documents) {
    Folding folding = site.folding();
    if (folding.heads() == 1) {
      return documents;
    }
    var copies = new SDVariable[(int) folding.heads()];
    Arrays.fill(copies, documents);
    if (folding.headMajor()) {
      return graph.concat(0, copies);
    }
    SDVariable tokens = graph.slice(graph.shape(documents), new int[] {1}, 1);
    SDVariable rows = graph.constant(Nd4j.createFromArray(new long[] {-1}));
    return graph.reshape(graph.stack(1, copies), graph.concat(0, rows, tokens));
  }

  /** Makes {@code result}'s op the maker of the old output and takes the old ops out. */
  private Set<String> replace(String result, Set<String> added) {
    Map<String, Variable> variables = graph.getVariables();
    Variable old = variables.get(site.output());
    String position = old.getOutputOfOp();
    SameDiffOp last = graph.getOps().get(variables.get(result).getOutputOfOp());
    var outputs = new ArrayList<>(last.getOutputsOfOp());
    int index = outputs.indexOf(result);
    outputs.set(index, site.output());
    last.setOutputsOfOp(outputs);
    // The op remembers its outputs in this very array (DynamicCustomOp, M2.1).
    last.getOp().outputVariables()[index] = old.getVariable();
    variables.remove(result);
    old.setOutputOfOp(last.getName());
    old.getVariable().setCreator(last.getOp());

    var order = new LinkedHashMap<String, SameDiffOp>();
    graph
        .getOps()
        .forEach(
            (name, op) -> {
              if (name.equals(position)) {
                added.forEach(fresh -> order.put(fresh, graph.getOps().get(fresh)));
              }
              if (!added.contains(name)) {
                order.put(name, op);
              }
            });
    graph.getOps().clear();
    graph.getOps().putAll(order);
    return removeOld();
  }

  /** Takes out the old ops, and whatever computed something for them alone. */
  private Set<String> removeOld() {
    var gone = new LinkedHashSet<String>();
    var next = new ArrayDeque<>(site.removed());
    while (!next.isEmpty()) {
      SameDiffOp op = graph.getOps().remove(next.remove());
      if (op == null) {
        continue;
      }
      for (String output : GraphView.outputs(op)) {
        if (!output.equals(site.output())) {
          graph.getVariables().remove(output);
          gone.add(output);
        }
      }
      for (String input : GraphView.inputs(op)) {
        Variable known = graph.getVariables().get(input);
        if (known != null && known.getInputsForOp() != null) {
          var readers = new ArrayList<>(known.getInputsForOp());
          readers.remove(op.getName());
          known.setInputsForOp(readers);
          unusedMaker(input).ifPresent(next::add);
        }
      }
    }
    return gone;
  }

  private Optional<String> unusedMaker(String variable) {
    SameDiffOp maker = view.producer(variable);
    boolean unused =
        maker != null
            && GraphView.outputs(maker).stream()
                .allMatch(
                    output ->
                        view.consumers(output).isEmpty()
                            && !view.mustStay(output)
                            && !view.controls(output));
    return unused ? Optional.of(maker.getName()) : Optional.empty();
  }

  /** Why documents, order or distance mean nothing here, or null where they do. */
  static String tokensRefused(AttentionSite site) {
    if (site.shape().queries() != site.shape().keys()) {
      return "its queries are not its keys' tokens ("
          + site.shape().queries()
          + " and "
          + site.shape().keys()
          + ")";
    }
    return site.folding().heads() == 0
        ? "how its heads were folded into the batch is not understood"
        : null;
  }

  /** The names of what is kept of the old ops' inputs, for the report. */
  static String masks(AttentionSite site) {
    List<String> names = site.biases().stream().map(KeyBias::variable).toList();
    String keys = names.isEmpty() ? "" : ", mask " + String.join(" and ", names);
    return (site.causal() ? ", causal" : "") + keys;
  }
}
