package io.anchor4j.samediff;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.ScalarOp;

/**
 * Takes what lies between the product of queries and keys and the softmax, from the softmax up.
 *
 * <p>Every op must be a scale, an added mask or a mask that replaces; {@code factor} is what lies
 * between an op and the softmax, so that a mask added before the scale is scaled with the scores,
 * as in the graph.
 */
final class ScoreChain {
  private static final Set<String> REPLACING = Set.of("Where", "where_np", "select");

  private final GraphView graph;
  private final long[] scores;
  private final ScoreMask mask;
  private final Set<String> removed = new LinkedHashSet<>();
  private double factor = 1;

  ScoreChain(GraphView graph, long[] scores, ScoreMask mask) {
    this.graph = graph;
    this.scores = scores;
    this.mask = mask;
  }

  double scale() {
    return factor;
  }

  /** The ops that go away with the swap. */
  Set<String> removed() {
    return removed;
  }

  /**
   * Takes everything between.
   *
   * @param variable what the softmax reads
   * @return the product of queries and keys
   */
  SameDiffOp walkUp(String variable) throws NotUnderstood {
    while (true) {
      graph.onlyReader(variable);
      SameDiffOp op = graph.producer(variable);
      if (op == null) {
        throw new NotUnderstood("its scores '" + variable + "' are no product");
      }
      removed.add(op.getName());
      if (Products.isProduct(op)) {
        Products.check(op);
        return op;
      }
      variable = step(op);
    }
  }

  /** Takes one op; returns the variable from which the scores come. */
  private String step(SameDiffOp op) throws NotUnderstood {
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
        int path = scoresOf(op);
        factor *= constant(op, 1 - path);
        return inputs.get(path);
      }
      case "divide", "realdiv" -> {
        if (scoresOf(op) != 0) {
          throw NotUnderstood.between(op);
        }
        factor /= constant(op, 1);
      }
      case "add" -> {
        int path = scoresOf(op);
        mask.add(inputs.get(1 - path), factor);
        return inputs.get(path);
      }
      case "subtract" -> {
        if (scoresOf(op) != 0) {
          throw NotUnderstood.between(op);
        }
        mask.add(inputs.get(1), -factor);
      }
      default -> {
        if (REPLACING.contains(name) && inputs.size() == 3) {
          return replaced(op);
        }
        throw NotUnderstood.between(op);
      }
    }
    return inputs.get(0);
  }

  /** where(condition, a, b): one of the two is the scores, the other a number. */
  private String replaced(SameDiffOp op) throws NotUnderstood {
    List<String> inputs = GraphView.inputs(op);
    boolean first = isScores(inputs.get(1));
    boolean second = isScores(inputs.get(2));
    if (first == second) {
      throw NotUnderstood.between(op);
    }
    String filled = inputs.get(first ? 2 : 1);
    INDArray fill = graph.value(filled);
    double least = fill.minNumber().doubleValue();
    if (!graph.isConstant(filled) || least != fill.maxNumber().doubleValue()) {
      throw new NotUnderstood(
          "the mask of " + NotUnderstood.describe(op) + " does not put in one number");
    }
    mask.replace(inputs.get(0), /* visible= */ first, factor * least);
    return inputs.get(first ? 1 : 2);
  }

  /** Which of two inputs the scores come through: the one with a product above. */
  private int scoresOf(SameDiffOp op) throws NotUnderstood {
    List<String> inputs = GraphView.inputs(op);
    boolean first = isScores(inputs.get(0));
    boolean second = isScores(inputs.get(1));
    if (first == second) {
      throw NotUnderstood.between(op);
    }
    return first ? 0 : 1;
  }

  private boolean isScores(String variable) {
    return Arrays.equals(graph.shape(variable), scores) && Products.isAbove(graph, variable, 8);
  }

  private static double scalar(SameDiffOp op) {
    return ((ScalarOp) op.getOp()).scalar().getDouble(0);
  }

  private double constant(SameDiffOp op, int index) throws NotUnderstood {
    String variable = GraphView.inputs(op).get(index);
    INDArray value = graph.value(variable);
    if (value.length() != 1 || !graph.isConstant(variable)) {
      throw new NotUnderstood(
          NotUnderstood.describe(op)
              + " scales by '"
              + variable
              + "', which is not one constant number");
    }
    return value.getDouble(0);
  }

  private void checkSameType(SameDiffOp op) throws NotUnderstood {
    DataType from = graph.value(GraphView.inputs(op).get(0)).dataType();
    DataType to = graph.value(GraphView.outputs(op).get(0)).dataType();
    if (from != to) {
      throw new NotUnderstood(
          NotUnderstood.describe(op) + " changes the scores' type: " + from + " to " + to);
    }
  }
}
