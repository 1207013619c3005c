package io.anchor4j.training;

import io.anchor4j.data.PackedRow;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * The loss and gradient of a step as the mean over all targets that count in all its batches: the
 * batches' means are weighted by how many targets each has, so that it does not matter how rows are
 * dealt into batches.
 *
 * <p>Asks of the graph that its score is the mean over the targets of a batch that count, and that
 * it was built with {@code miniBatch(false)} and without regularization, so that what {@code
 * computeGradientAndScore} leaves in the gradient vector is the plain gradient of that score: its
 * updater, which would change it, is never called.
 */
final class GradientAccumulation {
  private final ComputationGraph graph;
  private INDArray sum; // [N], null until a step has more than one batch

  /**
   * A step's mean loss and gradient.
   *
   * @param gradients [N]; holds until the next step
   * @param tokens that are not padding
   */
  record Result(double loss, INDArray gradients, long tokens) {}

  GradientAccumulation(ComputationGraph graph) {
    this.graph = graph;
  }

  /**
   * Runs the batches of a step forward and backward.
   *
   * @param step number of the step, for messages
   * @throws IllegalArgumentException if no target counts
   */
  Result compute(long step, List<MultiDataSet> batches) {
    long[] targets = batches.stream().mapToLong(GradientAccumulation::countTargets).toArray();
    long total = 0;
    long tokens = 0;
    for (int i = 0; i < targets.length; i++) {
      total += targets[i];
      tokens += countTokens(batches.get(i));
    }
    if (total == 0) {
      throw new IllegalArgumentException(
          "step "
              + step
              + ": none of its "
              + tokens
              + " tokens is a target that counts: each is padding, labelled -100, or"
              + " the first of its document. Look at the rows, or set data.boundaryLabels to keep.");
    }
    double loss = 0;
    boolean first = true;
    INDArray gradients = null;
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] > 0) {
        double share = (double) targets[i] / total;
        loss += share * score(batches.get(i));
        gradients = accumulate(share, first);
        first = false;
      }
    }
    return new Result(loss, gradients, tokens);
  }

  private double score(MultiDataSet batch) {
    graph.setInputs(batch.getFeatures());
    graph.setLabels(batch.getLabels());
    graph.computeGradientAndScore();
    return graph.score();
  }

  private INDArray accumulate(double share, boolean first) {
    INDArray view = graph.getGradientsViewArray();
    INDArray gradients = view.reshape(view.length());
    if (share == 1) {
      return gradients;
    }
    gradients.muli(share); // in place: the next batch overwrites it
    if (sum == null) {
      sum = gradients.dup();
    } else if (first) {
      sum.assign(gradients);
    } else {
      sum.addi(gradients);
    }
    return sum;
  }

  /** Returns how many targets of a batch count. */
  static long countTargets(MultiDataSet batch) {
    return PackedRow.countTargets(batch.getLabels(0).data().asInt());
  }

  private static long countTokens(MultiDataSet batch) {
    long tokens = 0;
    for (int document : batch.getFeatures(1).data().asInt()) {
      tokens += document == PackedRow.PADDING ? 0 : 1;
    }
    return tokens;
  }
}
