package io.anchor4j.samediff;

import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.samediff.AttentionSite.Folding;
import io.anchor4j.samediff.AttentionSite.KeyBias;
import io.anchor4j.samediff.AttentionSite.Operand;
import io.anchor4j.samediff.AttentionSite.Projections;
import io.anchor4j.samediff.AttentionSite.Shape;
import io.anchor4j.samediff.SameDiffRetrofitReport.Left;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/** Finds the attention of a graph: M2.1's two ops, and what {@link SoftmaxPattern} reads. */
final class AttentionFinder {
  static final String ATTENTION = "dot_product_attention";
  static final String MULTI_HEAD = "multi_head_dot_product_attention";

  /** What M2.1's ops subtract from the scores of a key whose mask is 0. */
  private static final double STOCK_MASK = 1e9;

  private final GraphView graph;
  private final List<AttentionSite> sites = new ArrayList<>();
  private final List<Left> left = new ArrayList<>();

  AttentionFinder(GraphView graph) {
    this.graph = graph;
  }

  List<AttentionSite> sites() {
    return sites;
  }

  List<Left> left() {
    return left;
  }

  /** Returns the ops to look at: attention, or a softmax between two products. */
  List<SameDiffOp> candidates() {
    return graph.graph().getOps().values().stream()
        .filter(op -> isStock(op) || SoftmaxPattern.isCandidate(graph, op))
        .toList();
  }

  /** Returns all that must be known on the probe to read the candidates. */
  Set<String> needed() {
    var names = new LinkedHashSet<String>();
    for (SameDiffOp op : candidates()) {
      var results = new ArrayList<>(GraphView.outputs(op));
      graph.consumers(results.get(0)).forEach(next -> results.addAll(GraphView.outputs(next)));
      if (!isStock(op)) {
        graph.consumers(results.get(0)).stream()
            .flatMap(next -> GraphView.inputs(next).stream())
            .forEach(results::add);
      }
      results.forEach(name -> names.addAll(graph.ancestors(name)));
    }
    names.removeIf(name -> graph.producer(name) == null && !isPlaceholder(name));
    return names;
  }

  private boolean isPlaceholder(String name) {
    return graph.typeOf(name) == VariableType.PLACEHOLDER;
  }

  /** Reads every candidate; {@link GraphView#evaluate} comes first. */
  void read() {
    for (SameDiffOp op : candidates()) {
      try {
        AttentionSite site = isStock(op) ? stock(op) : new SoftmaxPattern(graph, op).read();
        check(site);
        sites.add(site);
      } catch (NotUnderstood e) {
        left.add(new Left(GraphView.outputs(op).get(0), GraphView.nameOf(op), e.getMessage()));
      }
    }
  }

  private static boolean isStock(SameDiffOp op) {
    String name = GraphView.nameOf(op);
    return name.equals(ATTENTION) || name.equals(MULTI_HEAD);
  }

  /** [.., D, T] in and out; mask [B, Tk], 1 for keys that count, through (mask - 1) * 1e9. */
  private AttentionSite stock(SameDiffOp op) throws NotUnderstood {
    boolean multiHead = GraphView.nameOf(op).equals(MULTI_HEAD);
    List<String> inputs = GraphView.inputs(op);
    List<String> outputs = GraphView.outputs(op);
    if (outputs.size() > 1) {
      throw new NotUnderstood("it also returns its weights '" + outputs.get(1) + "'");
    }
    int masked = multiHead ? 7 : 3;
    long[] settings = GraphView.integers(op);
    long[] query = graph.shape(inputs.get(0));
    long[] key = graph.shape(inputs.get(1));
    long[] value = graph.shape(inputs.get(2));
    int rank = query.length;
    Projections projections = multiHead ? projections(inputs) : null;
    long headDim = multiHead ? graph.shape(inputs.get(3))[1] : query[rank - 2];
    long valueDim = multiHead ? graph.shape(inputs.get(5))[1] : value[rank - 2];
    var biases = new ArrayList<KeyBias>();
    if (inputs.size() > masked) {
      String mask = inputs.get(masked);
      if (graph.shape(mask).length != 2) {
        throw new NotUnderstood(
            "its mask '" + mask + "' is " + Arrays.toString(graph.shape(mask)) + ", not [B, Tk]");
      }
      biases.add(new KeyBias(mask, STOCK_MASK, -STOCK_MASK, 2, 1, /* perBatch= */ true));
    }
    return new AttentionSite(
        outputs.get(0),
        GraphView.nameOf(op),
        new Operand(inputs.get(0), true),
        new Operand(inputs.get(1), true),
        new Operand(inputs.get(2), true),
        /* outputTransposed= */ true,
        rank,
        new Shape(query[0], query[rank - 1], key[rank - 1], headDim, valueDim),
        settings.length == 0 || settings[0] == 0 ? 1 : 1 / Math.sqrt((double) headDim),
        /* causal= */ false,
        biases,
        rank == 3 && !multiHead
            ? HeadFolding.of(graph, new Operand(inputs.get(0), true))
            : Folding.NONE,
        projections,
        Set.of(op.getName()));
  }

  private Projections projections(List<String> inputs) {
    long[] query = graph.shape(inputs.get(3));
    long out = graph.shape(inputs.get(6))[1];
    return new Projections(
        inputs.get(3), inputs.get(4), inputs.get(5), inputs.get(6), query[0], query[2], out);
  }

  /** What the op itself would refuse, and what surgery must not touch. */
  private void check(AttentionSite site) throws NotUnderstood {
    Shape shape = site.shape();
    if (shape.queries() < 2 || shape.keys() < 2) {
      throw new NotUnderstood(
          "the probe has "
              + shape.queries()
              + " queries and "
              + shape.keys()
              + " keys: with 2 or more of each, a mask of keys can be told from one of queries");
    }
    if (shape.queries() > shape.keys()) {
      throw new NotUnderstood(
          "there are more queries (" + shape.queries() + ") than keys (" + shape.keys() + ")");
    }
    long dims = site.dimensions();
    if (dims > AttentionShapes.MAX_HEAD_DIM) {
      throw new NotUnderstood(
          "a head has "
              + dims
              + " dimensions (with one for masks), "
              + AttentionShapes.MAX_HEAD_DIM
              + " is the most");
    }
    if (!(site.scale() > 0)) {
      throw new NotUnderstood("scores are multiplied by " + site.scale() + ", not above 0");
    }
    for (String name : List.of(site.key().variable(), site.value().variable())) {
      if (graph.leaves(name, VariableType.PLACEHOLDER).isEmpty()) {
        throw new NotUnderstood("'" + name + "' does not depend on an input: these are no tokens");
      }
    }
    for (String name : site.removed()) {
      SameDiffOp op = graph.graph().getOps().get(name);
      boolean controlled =
          GraphView.outputs(op).stream().anyMatch(graph::controls)
              || (op.getControlDeps() != null && !op.getControlDeps().isEmpty());
      if (controlled) {
        throw new NotUnderstood("'" + name + "' has control dependencies");
      }
    }
  }
}
