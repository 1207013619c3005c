package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.samediff.SameDiffRetrofitReport.Proof;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a graph gave on the probe before, and how far from it the same graph is now. */
final class EqualityProof {
  private final GraphReading reading;
  private final double tolerance;
  private final Map<String, INDArray> outputs;

  /** Null where the graph gives none. */
  private final Map<String, INDArray> gradients;

  private EqualityProof(
      GraphReading reading,
      double tolerance,
      Map<String, INDArray> outputs,
      Map<String, INDArray> gradients) {
    this.reading = reading;
    this.tolerance = tolerance;
    this.outputs = outputs;
    this.gradients = gradients;
  }

  /**
   * Runs the graph as it is.
   *
   * @param notes gets one if there should be gradients and are none
   * @throws IllegalArgumentException if it does not run on the probe or all gradients are 0
   */
  static EqualityProof begin(GraphReading reading, double tolerance, List<String> notes) {
    Set<String> compared = reading.ends();
    reading.sites().forEach(site -> compared.add(site.output()));
    return new EqualityProof(
        reading,
        tolerance,
        reading.run(reading.probe(), compared),
        gradients(reading.view().graph(), reading.probe(), notes));
  }

  /** The gradients of all trained variables, or null where the graph gives none. */
  private static Map<String, INDArray> gradients(SameDiff graph, Probe probe, List<String> notes) {
    var training = graph.getTrainingConfig();
    boolean noLoss =
        graph.getLossVariables().isEmpty()
            && (training == null
                || training.getLossVariables() == null
                || training.getLossVariables().isEmpty());
    List<String> trained =
        graph.variables().stream()
            .filter(v -> v.getVariableType() == VariableType.VARIABLE && v.dataType().isFPType())
            .map(SDVariable::name)
            .toList();
    if (noLoss || trained.isEmpty()) {
      return null;
    }
    Map<String, INDArray> gradients;
    try {
      gradients = probe.gradients(graph, trained);
    } catch (RuntimeException e) {
      notes.add("gradients were not compared: the graph had none before (" + e.getMessage() + ")");
      return null;
    } finally {
      GraphSnapshot.dropDerived(graph);
    }
    checkArgument(
        gradients.values().stream().anyMatch(gradient -> Differences.size(gradient) != 0),
        "SameDiffRetrofit: on the probe (%s) the gradients of all trained variables are 0, which"
            + " shows nothing. Give another with probe(...).",
        probe);
    return gradients;
  }

  /**
   * Compares outputs and gradients.
   *
   * @throws IllegalStateException if one differs by more than the tolerance
   */
  Proof show() {
    double values = compareOutputs(reading.probe(), "output");
    double slopes = Double.NaN;
    if (gradients != null) {
      SameDiff graph = reading.view().graph();
      var now = reading.probe().gradients(graph, List.copyOf(gradients.keySet()));
      slopes = allowed("gradients", Differences.ofGradients(gradients, now));
      GraphSnapshot.dropDerived(graph);
    }
    return new Proof(reading.probe().toString(), values, slopes, tolerance, /* leak= */ Double.NaN);
  }

  /**
   * Compares outputs alone.
   *
   * @param probe the one of before, with what the graph takes besides now
   * @throws IllegalStateException if one differs by more than the tolerance
   */
  double compareOutputs(Probe probe, String what) {
    return compare(reading.run(probe, outputs.keySet()), what);
  }

  private double compare(Map<String, INDArray> now, String what) {
    double largest = 0;
    for (Map.Entry<String, INDArray> entry : outputs.entrySet()) {
      double difference = Differences.ofValues(entry.getValue(), now.get(entry.getKey()));
      largest = Math.max(largest, allowed(what + " '" + entry.getKey() + "'", difference));
    }
    return largest;
  }

  private double allowed(String what, double difference) {
    if (!(difference <= tolerance)) {
      throw new IllegalStateException(
          "SameDiffRetrofit: the "
              + what
              + " would differ by "
              + difference
              + ", allowed is "
              + tolerance
              + ". The graph is as it was. Values that are not finite give such a difference too; for"
              + " types of 16 bits set tolerance(...).");
    }
    return difference;
  }
}
