package io.anchor4j.samediff;

import io.anchor4j.samediff.AttentionSite.Folding;
import io.anchor4j.samediff.AttentionSite.Operand;
import io.anchor4j.samediff.AttentionSite.Shape;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.ScalarOp;

/**
 * Reads matmul, scale, mask, softmax, matmul around one softmax, from the softmax outwards.
 *
 * <p>Upwards every op between the softmax and the first product must be one of a scale, an added
 * mask or a mask that replaces; {@code factor} is what lies between an op and the softmax, so that
 * a mask added before the scale is scaled with the scores, as in the graph. The scores may have
 * their keys last or their queries last, whichever the softmax sums over.
 */
final class SoftmaxPattern {
  private static final String PRODUCT = "matmul";

  /** Also products, which are seen but not understood. */
  private static final Set<String> PRODUCTS = Set.of(PRODUCT, "tensordot", "batched_gemm");

  private static final Set<String> REPLACING = Set.of("Where", "where_np", "select");

  private final GraphView graph;
  private final SameDiffOp softmax;
  private final Set<String> removed = new LinkedHashSet<>();
  private ScoreMask mask;
  private double factor = 1;

  SoftmaxPattern(GraphView graph, SameDiffOp softmax) {
    this.graph = graph;
    this.softmax = softmax;
  }

  /** Whether {@code op} is a softmax that looks like attention: a product above, one below. */
  static boolean isCandidate(GraphView graph, SameDiffOp op) {
    return GraphView.nameOf(op).equals("softmax")
        && hasProductAbove(graph, GraphView.inputs(op).get(0), 8)
        && hasProductBelow(graph, GraphView.outputs(op).get(0), 3);
  }

  private static boolean hasProductAbove(GraphView graph, String variable, int steps) {
    SameDiffOp op = graph.producer(variable);
    return op != null
        && (PRODUCTS.contains(GraphView.nameOf(op))
            || (steps > 0
                && GraphView.inputs(op).stream()
                    .anyMatch(input -> hasProductAbove(graph, input, steps - 1))));
  }

  private static boolean hasProductBelow(GraphView graph, String variable, int steps) {
    return graph.consumers(variable).stream()
        .anyMatch(
            op ->
                PRODUCTS.contains(GraphView.nameOf(op))
                    || (steps > 0
                        && !GraphView.outputs(op).isEmpty()
                        && hasProductBelow(graph, GraphView.outputs(op).get(0), steps - 1)));
  }

  AttentionSite read() throws NotUnderstood {
    String weights = GraphView.outputs(softmax).get(0);
    long[] shape = graph.shape(weights);
    int rank = shape.length;
    if (rank < 2 || rank > 4) {
      throw new NotUnderstood("its scores are " + Arrays.toString(shape) + ", not of rank 2 to 4");
    }
    boolean keysLast = keysLast(rank);
    mask = new ScoreMask(graph, graph.value(weights), keysLast);
    removed.add(softmax.getName());
    SameDiffOp second = onlyReader(weights);
    SameDiffOp first = walkUp(GraphView.inputs(softmax).get(0), shape);
    checkProduct(second);
    removed.add(second.getName());

    boolean[] flags = transposed(first);
    Operand left = new Operand(GraphView.inputs(first).get(0), flags[0]);
    Operand right = new Operand(GraphView.inputs(first).get(1), !flags[1]);
    Operand query = keysLast ? left : new Operand(right.variable(), right.transposed());
    Operand key = keysLast ? right : new Operand(left.variable(), left.transposed());

    flags = transposed(second);
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
        factor,
        mask.causal(),
        mask.biases(),
        rank == 3 ? folding(graph, query.variable()) : Folding.NONE,
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

  /** The one op that reads {@code variable}, which goes away with the swap. */
  private SameDiffOp onlyReader(String variable) throws NotUnderstood {
    if (graph.mustStay(variable)) {
      throw new NotUnderstood("'" + variable + "' is asked for as an output or loss");
    }
    List<SameDiffOp> readers = graph.consumers(variable);
    if (readers.size() != 1) {
      throw new NotUnderstood(
          "'"
              + variable
              + "' is read by "
              + readers.size()
              + " ops, and the anchor op forms no such array");
    }
    return readers.get(0);
  }

  /** Takes everything between the softmax and the product of queries and keys. */
  private SameDiffOp walkUp(String variable, long[] scores) throws NotUnderstood {
    while (true) {
      onlyReader(variable);
      SameDiffOp op = graph.producer(variable);
      if (op == null) {
        throw new NotUnderstood("its scores '" + variable + "' are no product");
      }
      removed.add(op.getName());
      if (PRODUCTS.contains(GraphView.nameOf(op))) {
        checkProduct(op);
        return op;
      }
      variable = step(op, scores);
    }
  }

  /** Takes one op; returns the variable from which the scores come. */
  private String step(SameDiffOp op, long[] scores) throws NotUnderstood {
    List<String> inputs = GraphView.inputs(op);
    String name = GraphView.nameOf(op);
    switch (name) {
      case "mul_scalar" -> factor *= scalar(op);
      case "div_scalar" -> factor /= scalar(op);
      case "add_scalar", "sub_scalar" -> {
        // The same number for all keys: a softmax does not see it.
      }
      case "identity" -> {}
      case "cast" -> checkSameType(op);
      case "multiply" -> {
        int path = scoresOf(op, scores);
        factor *= constant(op, 1 - path);
        return inputs.get(path);
      }
      case "divide", "realdiv" -> {
        if (scoresOf(op, scores) != 0) {
          throw between(op);
        }
        factor /= constant(op, 1);
      }
      case "add" -> {
        int path = scoresOf(op, scores);
        mask.add(inputs.get(1 - path), factor);
        return inputs.get(path);
      }
      case "subtract" -> {
        if (scoresOf(op, scores) != 0) {
          throw between(op);
        }
        mask.add(inputs.get(1), -factor);
      }
      default -> {
        if (REPLACING.contains(name) && inputs.size() == 3) {
          return replaced(op, scores);
        }
        throw between(op);
      }
    }
    return inputs.get(0);
  }

  /** where(condition, a, b): one of the two is the scores, the other a number. */
  private String replaced(SameDiffOp op, long[] scores) throws NotUnderstood {
    List<String> inputs = GraphView.inputs(op);
    boolean first = isScores(inputs.get(1), scores);
    boolean second = isScores(inputs.get(2), scores);
    if (first == second) {
      throw between(op);
    }
    String filled = inputs.get(first ? 2 : 1);
    INDArray fill = graph.value(filled);
    double least = fill.minNumber().doubleValue();
    if (!graph.isConstant(filled) || least != fill.maxNumber().doubleValue()) {
      throw new NotUnderstood("the mask of " + describe(op) + " does not put in one number");
    }
    mask.replace(inputs.get(0), /* visible= */ first, factor * least);
    return inputs.get(first ? 1 : 2);
  }

  /** Which of two inputs the scores come through: the one with a product above. */
  private int scoresOf(SameDiffOp op, long[] scores) throws NotUnderstood {
    List<String> inputs = GraphView.inputs(op);
    boolean first = isScores(inputs.get(0), scores);
    boolean second = isScores(inputs.get(1), scores);
    if (first == second) {
      throw between(op);
    }
    return first ? 0 : 1;
  }

  private boolean isScores(String variable, long[] scores) {
    return Arrays.equals(graph.shape(variable), scores) && hasProductAbove(graph, variable, 8);
  }

  private NotUnderstood between(SameDiffOp op) {
    return new NotUnderstood(describe(op) + " stands between the products and is not understood");
  }

  private static String describe(SameDiffOp op) {
    return GraphView.nameOf(op) + " that makes '" + GraphView.outputs(op).get(0) + "'";
  }

  private static double scalar(SameDiffOp op) {
    return ((ScalarOp) op.getOp()).scalar().getDouble(0);
  }

  private double constant(SameDiffOp op, int index) throws NotUnderstood {
    String variable = GraphView.inputs(op).get(index);
    INDArray value = graph.value(variable);
    if (value.length() != 1 || !graph.isConstant(variable)) {
      throw new NotUnderstood(
          describe(op) + " scales by '" + variable + "', which is not one constant number");
    }
    return value.getDouble(0);
  }

  private void checkSameType(SameDiffOp op) throws NotUnderstood {
    DataType from = graph.value(GraphView.inputs(op).get(0)).dataType();
    DataType to = graph.value(GraphView.outputs(op).get(0)).dataType();
    if (from != to) {
      throw new NotUnderstood(describe(op) + " changes the scores' type: " + from + " to " + to);
    }
  }

  private void checkProduct(SameDiffOp op) throws NotUnderstood {
    if (!GraphView.nameOf(op).equals(PRODUCT)) {
      throw between(op);
    }
    long[] settings = GraphView.integers(op);
    double[] numbers = ((DynamicCustomOp) op.getOp()).tArgs();
    boolean plain = settings.length < 3 || settings[2] == 0;
    if (!plain || (numbers.length > 0 && numbers[0] != 1)) {
      throw new NotUnderstood(describe(op) + " transposes or scales its result");
    }
  }

  private static boolean[] transposed(SameDiffOp op) {
    long[] settings = GraphView.integers(op);
    return new boolean[] {
      settings.length > 0 && settings[0] != 0, settings.length > 1 && settings[1] != 0
    };
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

  /** How a variable of rank 3 came to be, as far as it can be told from the ops above it. */
  static Folding folding(GraphView graph, String variable) {
    String name = variable;
    while (true) {
      SameDiffOp op = graph.producer(name);
      if (op == null) {
        return Folding.NONE;
      }
      List<String> inputs = GraphView.inputs(op);
      long[] from = graph.shape(inputs.get(0));
      switch (GraphView.nameOf(op)) {
        case "mul_scalar", "div_scalar", "identity", "cast" -> name = inputs.get(0);
        case "multiply", "divide", "add" -> {
          boolean first = from.length == 3;
          name = inputs.get(first ? 0 : 1);
        }
        case "permute" -> {
          long[] axes = GraphView.integers(op);
          if (axes.length != 3 || axes[0] != 0) {
            return Folding.UNKNOWN;
          }
          name = inputs.get(0);
        }
        case "reshape" -> {
          long rows = graph.shape(name)[0];
          if (from.length == 4 && from[0] * from[1] == rows) {
            return new Folding(from[1], /* headMajor= */ false);
          }
          return from.length == 2 ? Folding.NONE : Folding.UNKNOWN;
        }
        case "concat" -> {
          long rows = graph.shape(name)[0];
          return from.length == 3 && from[0] < rows && rows % from[0] == 0
              ? new Folding(rows / from[0], /* headMajor= */ true)
              : Folding.NONE;
        }
        default -> {
          return Folding.NONE;
        }
      }
    }
  }
}
