package io.anchor4j.samediff;

import io.anchor4j.samediff.AttentionSite.Folding;
import java.util.List;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/** Tells how [B, H, T, D] was folded into the [N, T, D] that an attention reads. */
final class HeadFolding {
  private HeadFolding() {}

  /** How a variable of rank 3 came to be, as far as it can be told from the ops above it. */
  static Folding of(GraphView graph, String variable) {
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
