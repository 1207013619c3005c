package io.anchor4j.samediff;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;

/**
 * The wiring of a graph, to go back to. Arrays are not copied: surgery writes none.
 *
 * <p>Not {@link SameDiff#dup}: that goes through FlatBuffers, which end at 2 GB and lose listeners.
 */
final class GraphSnapshot {
  private final SameDiff graph;
  private final Map<String, Variable> variables = new LinkedHashMap<>();
  private final Map<String, SameDiffOp> ops = new LinkedHashMap<>();

  private GraphSnapshot(SameDiff graph) {
    this.graph = graph;
  }

  static GraphSnapshot of(SameDiff graph) {
    var snapshot = new GraphSnapshot(graph);
    graph.getVariables().forEach((name, known) -> snapshot.variables.put(name, copy(known)));
    graph.getOps().forEach((name, op) -> snapshot.ops.put(name, copy(op)));
    return snapshot;
  }

  /** Puts the graph back. What was derived from the other wiring is dropped. */
  void restore() {
    for (String name : List.copyOf(graph.getVariables().keySet())) {
      if (!variables.containsKey(name)) {
        forgetArray(graph, name);
      }
    }
    graph.getVariables().clear();
    variables.forEach(
        (name, known) -> {
          graph.getVariables().put(name, copy(known));
          if (known.getOutputOfOp() != null) {
            known.getVariable().setCreator(ops.get(known.getOutputOfOp()).getOp());
          }
        });
    graph.getOps().clear();
    ops.forEach((name, op) -> graph.getOps().put(name, copy(op)));
    dropDerived(graph);
  }

  /** A new constant's array is kept by name beside the graph, where a save would find it. */
  private static void forgetArray(SameDiff graph, String name) {
    SDVariable variable = graph.getVariable(name);
    if (variable.isConstant() && graph.getConstantArrays().hasArray(name)) {
      graph.getConstantArrays().removeArray(name);
    }
  }

  /** Gradient graph and sessions hold the ops of their time; both are made anew when needed. */
  static void dropDerived(SameDiff graph) {
    graph.definedFunctionNames().remove("grad");
    graph.getSessions().clear();
    graph.getVariables().values().forEach(known -> known.setGradient(null));
  }

  private static Variable copy(Variable known) {
    return Variable.builder()
        .name(known.getName())
        .variable(known.getVariable())
        .inputsForOp(copy(known.getInputsForOp()))
        .controlDepsForOp(copy(known.getControlDepsForOp()))
        .controlDepsForVar(copy(known.getControlDepsForVar()))
        .outputOfOp(known.getOutputOfOp())
        .controlDeps(copy(known.getControlDeps()))
        .variableIndex(known.getVariableIndex())
        .build();
  }

  private static SameDiffOp copy(SameDiffOp op) {
    return SameDiffOp.builder()
        .name(op.getName())
        .op(op.getOp())
        .inputsToOp(copy(op.getInputsToOp()))
        .outputsOfOp(copy(op.getOutputsOfOp()))
        .controlDeps(copy(op.getControlDeps()))
        .varControlDeps(copy(op.getVarControlDeps()))
        .controlDepFor(copy(op.getControlDepFor()))
        .build();
  }

  private static List<String> copy(List<String> names) {
    return names == null ? null : new ArrayList<>(names);
  }
}
