package io.anchor4j.samediff;

import java.util.Set;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.ops.DynamicCustomOp;

/** The matrix products around a softmax. */
final class Products {
  private static final String READ = "matmul";

  /** Also those that are seen but not understood. */
  private static final Set<String> SEEN = Set.of(READ, "tensordot", "batched_gemm");

  private Products() {}

  static boolean isProduct(SameDiffOp op) {
    return SEEN.contains(GraphView.nameOf(op));
  }

  /** Whether a product is at most {@code steps} ops above. */
  static boolean isAbove(GraphView graph, String variable, int steps) {
    SameDiffOp op = graph.producer(variable);
    return op != null
        && (isProduct(op)
            || (steps > 0
                && GraphView.inputs(op).stream()
                    .anyMatch(input -> isAbove(graph, input, steps - 1))));
  }

  /** Whether a product is at most {@code steps} ops below. */
  static boolean isBelow(GraphView graph, String variable, int steps) {
    return graph.consumers(variable).stream()
        .anyMatch(
            op ->
                isProduct(op)
                    || (steps > 0
                        && !GraphView.outputs(op).isEmpty()
                        && isBelow(graph, GraphView.outputs(op).get(0), steps - 1)));
  }

  /** Refuses what is more than the product of the two, transposed or not. */
  static void check(SameDiffOp op) throws NotUnderstood {
    if (!GraphView.nameOf(op).equals(READ)) {
      throw NotUnderstood.between(op);
    }
    long[] settings = GraphView.integers(op);
    double[] numbers = ((DynamicCustomOp) op.getOp()).tArgs();
    boolean plain = settings.length < 3 || settings[2] == 0;
    if (!plain || (numbers.length > 0 && numbers[0] != 1)) {
      throw new NotUnderstood(NotUnderstood.describe(op) + " transposes or scales its result");
    }
  }

  /** Whether the left and the right operand are transposed. */
  static boolean[] transposed(SameDiffOp op) {
    long[] settings = GraphView.integers(op);
    return new boolean[] {
      settings.length > 0 && settings[0] != 0, settings.length > 1 && settings[1] != 0
    };
  }
}
