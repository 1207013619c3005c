package io.anchor4j.samediff;

import io.anchor4j.samediff.AttentionSite.Folding;
import io.anchor4j.samediff.AttentionSite.Operand;
import io.anchor4j.samediff.AttentionSite.Shape;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/**
 * Reads matmul, scale, mask, softmax, matmul around one softmax, from the softmax outwards.
 *
 * <p>The scores may have their keys last or their queries last, whichever the softmax sums over.
 */
final class SoftmaxPattern {
  private final GraphView graph;
  private final SameDiffOp softmax;

  SoftmaxPattern(GraphView graph, SameDiffOp softmax) {
    this.graph = graph;
    this.softmax = softmax;
  }

  /** Whether {@code op} is a softmax that looks like attention: a product above, one below. */
  static boolean isCandidate(GraphView graph, SameDiffOp op) {
    return GraphView.nameOf(op).equals("softmax")
        && Products.isAbove(graph, GraphView.inputs(op).get(0), 8)
        && Products.isBelow(graph, GraphView.outputs(op).get(0), 3);
  }

  AttentionSite read() throws NotUnderstood {
    String weights = GraphView.outputs(softmax).get(0);
    long[] shape = graph.shape(weights);
    int rank = shape.length;
    if (rank < 2 || rank > 4) {
      throw new NotUnderstood("its scores are " + Arrays.toString(shape) + ", not of rank 2 to 4");
    }
    boolean keysLast = keysLast(rank);
    var mask = new ScoreMask(graph, graph.value(weights), keysLast);
    var chain = new ScoreChain(graph, shape, mask);
    SameDiffOp second = graph.onlyReader(weights);
    SameDiffOp first = chain.walkUp(GraphView.inputs(softmax).get(0));
    Products.check(second);
    var removed = new LinkedHashSet<String>();
    removed.add(softmax.getName());
    removed.addAll(chain.removed());
    removed.add(second.getName());

    boolean[] flags = Products.transposed(first);
    Operand left = new Operand(GraphView.inputs(first).get(0), flags[0]);
    Operand right = new Operand(GraphView.inputs(first).get(1), !flags[1]);
    Operand query = keysLast ? left : new Operand(right.variable(), right.transposed());
    Operand key = keysLast ? right : new Operand(left.variable(), left.transposed());

    flags = Products.transposed(second);
    List<String> factors = GraphView.inputs(second);
    boolean weightsFirst = factors.get(0).equals(weights);
    if (factors.get(0).equals(factors.get(1))) {
      throw new NotUnderstood("its weights '" + weights + "' are multiplied by themselves");
    }
    boolean sumsOverKeys = weightsFirst ? keysLast != flags[0] : keysLast == flags[1];
    if (!sumsOverKeys) {
      throw new NotUnderstood("the softmax is along queries, the sum of values along keys");
    }
    Operand value =
        weightsFirst
            ? new Operand(factors.get(1), flags[1])
            : new Operand(factors.get(0), !flags[0]);
    return new AttentionSite(
        GraphView.outputs(second).get(0),
        form(rank),
        query,
        key,
        value,
        /* outputTransposed= */ !weightsFirst,
        rank,
        shape(query, key, value, rank),
        chain.scale(),
        mask.causal(),
        mask.biases(),
        rank == 3 ? HeadFolding.of(graph, query) : Folding.NONE,
        /* projections= */ null,
        removed);
  }

  private static String form(int rank) {
    return "matmul, softmax, matmul of rank " + rank;
  }

  private boolean keysLast(int rank) throws NotUnderstood {
    long[] settings = GraphView.integers(softmax);
    long axis = settings.length == 0 ? -1 : settings[0];
    long fromStart = axis < 0 ? axis + rank : axis;
    if (fromStart != rank - 1 && fromStart != rank - 2) {
      throw new NotUnderstood("its axis is " + axis + " of " + rank + ", not one of the last two");
    }
    return fromStart == rank - 1;
  }

  private Shape shape(Operand query, Operand key, Operand value, int rank) throws NotUnderstood {
    long[] q = tokensBeforeDims(query);
    long[] k = tokensBeforeDims(key);
    long[] v = tokensBeforeDims(value);
    boolean sameRows =
        q.length == rank
            && k.length == rank
            && v.length == rank
            && Arrays.equals(q, 0, rank - 2, k, 0, rank - 2)
            && Arrays.equals(q, 0, rank - 2, v, 0, rank - 2);
    if (!sameRows) {
      throw new NotUnderstood(
          "queries "
              + Arrays.toString(q)
              + ", keys "
              + Arrays.toString(k)
              + " and values "
              + Arrays.toString(v)
              + " have not the same rows");
    }
    return new Shape(rank == 2 ? 1 : q[0], q[rank - 2], k[rank - 2], q[rank - 1], v[rank - 1]);
  }

  private long[] tokensBeforeDims(Operand operand) {
    long[] shape = graph.shape(operand.variable()).clone();
    if (operand.transposed()) {
      int last = shape.length - 1;
      long dims = shape[last - 1];
      shape[last - 1] = shape[last];
      shape[last] = dims;
    }
    return shape;
  }
}
