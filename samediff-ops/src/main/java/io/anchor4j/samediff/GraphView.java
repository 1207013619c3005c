package io.anchor4j.samediff;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;

/** A graph read by name: who makes a variable, who reads it, what it rests on. */
final class GraphView {
  private final SameDiff graph;
  private final Set<String> keep;

  /** Values on the probe; empty until {@link #evaluate}. */
  private Map<String, INDArray> values = Map.of();

  /**
   * @param keep variables that must stay besides losses, outputs and what is evaluated in training
   */
  GraphView(SameDiff graph, Set<String> keep) {
    this.graph = graph;
    this.keep = new LinkedHashSet<>(keep);
    this.keep.addAll(graph.getLossVariables());
    if (graph.outputs() != null) {
      this.keep.addAll(graph.outputs());
    }
    TrainingConfig training = graph.getTrainingConfig();
    if (training != null) {
      if (training.getLossVariables() != null) {
        this.keep.addAll(training.getLossVariables());
      }
      this.keep.addAll(training.getTrainEvaluations().keySet());
      this.keep.addAll(training.getValidationEvaluations().keySet());
    }
  }

  SameDiff graph() {
    return graph;
  }

  boolean mustStay(String variable) {
    return keep.contains(variable);
  }

  static String nameOf(SameDiffOp op) {
    return op.getOp().opName();
  }

  static List<String> inputs(SameDiffOp op) {
    return op.getInputsToOp() == null ? List.of() : op.getInputsToOp();
  }

  static List<String> outputs(SameDiffOp op) {
    return op.getOutputsOfOp() == null ? List.of() : op.getOutputsOfOp();
  }

  static long[] integers(SameDiffOp op) {
    return op.getOp() instanceof DynamicCustomOp custom ? custom.iArgs() : new long[0];
  }

  /** Returns the order of a permutation, which imported graphs have as a constant. */
  long[] axes(SameDiffOp permute) {
    List<String> inputs = inputs(permute);
    return inputs.size() == 1 ? integers(permute) : value(inputs.get(1)).toLongVector();
  }

  /** Returns the op that makes {@code variable}, or null where it is given. */
  SameDiffOp producer(String variable) {
    Variable known = graph.getVariables().get(variable);
    return known == null || known.getOutputOfOp() == null
        ? null
        : graph.getOps().get(known.getOutputOfOp());
  }

  List<SameDiffOp> consumers(String variable) {
    List<String> names = graph.getVariables().get(variable).getInputsForOp();
    return names == null ? List.of() : names.stream().map(graph.getOps()::get).toList();
  }

  /** The one op that reads {@code variable}, which goes away with the swap. */
  SameDiffOp onlyReader(String variable) throws NotUnderstood {
    if (mustStay(variable)) {
      throw new NotUnderstood("'" + variable + "' is asked for as an output or loss");
    }
    List<SameDiffOp> readers = consumers(variable);
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

  boolean controls(String variable) {
    Variable known = graph.getVariables().get(variable);
    return notEmpty(known.getControlDeps())
        || notEmpty(known.getControlDepsForOp())
        || notEmpty(known.getControlDepsForVar());
  }

  private static boolean notEmpty(List<String> names) {
    return names != null && !names.isEmpty();
  }

  /** Everything that {@code variable} is computed from, itself included, nearest first. */
  Set<String> ancestors(String variable) {
    var seen = new LinkedHashSet<String>();
    var next = new ArrayDeque<String>(List.of(variable));
    while (!next.isEmpty()) {
      String name = next.remove();
      SameDiffOp op = seen.add(name) ? producer(name) : null;
      if (op != null) {
        next.addAll(inputs(op));
      }
    }
    return seen;
  }

  /** The given variables of some types that {@code variable} is computed from. */
  List<String> leaves(String variable, VariableType... types) {
    return ancestors(variable).stream()
        .filter(name -> producer(name) == null)
        .filter(name -> Arrays.asList(types).contains(typeOf(name)))
        .toList();
  }

  VariableType typeOf(String variable) {
    return graph.getVariable(variable).getVariableType();
  }

  /** Whether {@code variable} is the same whatever is fed in and however long one trains. */
  boolean isConstant(String variable) {
    return leaves(variable, VariableType.PLACEHOLDER, VariableType.VARIABLE).isEmpty();
  }

  void evaluate(Probe probe, Set<String> names) {
    values = probe.run(graph, names);
  }

  INDArray value(String variable) {
    INDArray value = values.get(variable);
    return value == null ? graph.getVariable(variable).getArr() : value;
  }

  long[] shape(String variable) {
    return value(variable).shape();
  }
}
