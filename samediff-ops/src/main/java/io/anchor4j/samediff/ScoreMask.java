package io.anchor4j.samediff;

import io.anchor4j.samediff.AttentionSite.KeyBias;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.ScalarOp;

/**
 * What is added to scores or put in their place, sorted into what the anchor op can say exactly: a
 * causal mask, and a bias for each key that does not depend on who asks.
 */
final class ScoreMask {
  /** From here down a masked score is taken for hidden; float32 weights are 0 from -104 on. */
  private static final double HIDDEN = -1e4;

  /**
   * What is added where the graph puts a number in a score's place: nothing of the score is left,
   * in double either.
   */
  static final double REPLACING = 1e30;

  private final GraphView graph;
  private final long[] scores;
  private final DataType type;

  /** Keys are the last axis of the scores (queries the one before), or the other way round. */
  private final boolean keysLast;

  private final List<KeyBias> biases = new ArrayList<>();
  private boolean causal;

  ScoreMask(GraphView graph, INDArray scores, boolean keysLast) {
    this.graph = graph;
    this.scores = scores.shape();
    this.type = scores.dataType();
    this.keysLast = keysLast;
  }

  List<KeyBias> biases() {
    return biases;
  }

  boolean causal() {
    return causal;
  }

  /** Takes {@code factor * term} that is added to the scores. */
  void add(String term, double factor) throws NotUnderstood {
    long[] shape = graph.shape(term);
    if (!hasQueryAxis(shape)) {
      biases.add(bias(term, factor, 0));
      return;
    }
    if (graph.isConstant(term)) {
      takeCausal(term, value -> value * factor);
      return;
    }
    SameDiffOp op = graph.producer(term);
    String name = op == null ? "" : GraphView.nameOf(op);
    List<String> inputs = op == null ? List.of() : GraphView.inputs(op);
    if (name.equals("add") && inputs.size() == 2) {
      add(inputs.get(0), factor);
      add(inputs.get(1), factor);
    } else if (name.equals("mul_scalar")) {
      add(inputs.get(0), factor * ((ScalarOp) op.getOp()).scalar().getDouble(0));
    } else if (isExpansion(name)) {
      add(inputs.get(0), factor);
    } else {
      throw differsByQuery(term);
    }
  }

  /**
   * Takes a mask that leaves a score where {@code condition} is {@code visible} and has {@code
   * fill} elsewhere.
   */
  void replace(String condition, boolean visible, double fill) throws NotUnderstood {
    if (!(fill <= HIDDEN)) {
      throw new NotUnderstood(
          "the mask '"
              + condition
              + "' puts "
              + fill
              + " in the place of scores, which does not"
              + " hide them ("
              + HIDDEN
              + " or less does)");
    }
    if (type == DataType.FLOAT16) {
      throw new NotUnderstood("a mask in HALF leaves no room for a number that hides");
    }
    String source = condition;
    while (hasQueryAxis(graph.shape(source))) {
      if (graph.isConstant(source)) {
        takeCausal(source, value -> (value != 0) == visible ? 0 : fill);
        return;
      }
      SameDiffOp op = graph.producer(source);
      if (op == null || !isExpansion(GraphView.nameOf(op))) {
        throw differsByQuery(condition);
      }
      source = GraphView.inputs(op).get(0);
    }
    biases.add(visible ? bias(source, REPLACING, -REPLACING) : bias(source, -REPLACING, 0));
  }

  /** Copies of the same numbers along another axis. */
  private static boolean isExpansion(String op) {
    return op.equals("tile") || op.equals("broadcast_to");
  }

  private boolean hasQueryAxis(long[] shape) {
    int fromEnd = keysLast ? 2 : 1;
    return shape.length >= fromEnd && shape[shape.length - fromEnd] != 1;
  }

  private KeyBias bias(String term, double factor, double offset) throws NotUnderstood {
    int rank = graph.shape(term).length;
    int keyAxis = keysLast ? 1 : 2;
    if (rank > scores.length || rank < keyAxis) {
      throw new NotUnderstood(
          "'"
              + term
              + "' "
              + Arrays.toString(graph.shape(term))
              + " is added to scores "
              + Arrays.toString(scores));
    }
    return new KeyBias(term, factor, offset, rank, keyAxis, /* perBatch= */ false);
  }

  private interface Value {
    double added(double value);
  }

  /** A constant that differs by query must hide the later tokens, and nothing else. */
  private void takeCausal(String term, Value value) throws NotUnderstood {
    INDArray array = graph.value(term);
    long[] shape = array.shape();
    int rank = shape.length;
    boolean square = rank >= 2 && shape[rank - 1] == shape[rank - 2];
    if (!square || array.length() != shape[rank - 1] * shape[rank - 1]) {
      throw notCausal(term);
    }
    INDArray matrix = array.castTo(DataType.DOUBLE).reshape(shape[rank - 1], shape[rank - 1]);
    for (int row = 0; row < matrix.rows(); row++) {
      for (int column = 0; column < matrix.columns(); column++) {
        int query = keysLast ? row : column;
        int key = keysLast ? column : row;
        double added = value.added(matrix.getDouble(row, column));
        if (key <= query ? added != 0 : !(added <= HIDDEN)) {
          throw notCausal(term);
        }
      }
    }
    causal = true;
  }

  private static NotUnderstood notCausal(String term) {
    return new NotUnderstood(
        "the constant mask '"
            + term
            + "' is not the causal one (0 up to the query, "
            + HIDDEN
            + " or less beyond)");
  }

  private NotUnderstood differsByQuery(String term) {
    List<String> trained = graph.leaves(term, VariableType.VARIABLE);
    if (!trained.isEmpty()) {
      return new NotUnderstood(
          "'" + term + "' is trained (" + String.join(", ", trained) + ") and differs by query");
    }
    return new NotUnderstood(
        "the mask '"
            + term
            + "' comes from "
            + String.join(", ", graph.leaves(term, VariableType.PLACEHOLDER))
            + " and differs by query; withCausal, withWindow and documents say such masks");
  }
}
