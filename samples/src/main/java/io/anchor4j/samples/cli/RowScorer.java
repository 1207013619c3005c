package io.anchor4j.samples.cli;

import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.Decoder;
import java.util.Arrays;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Scores one row at a time: dynamic rotary scaling depends on the row alone. */
final class RowScorer {
  private final ComputationGraph graph;
  private final Positions positions;

  RowScorer(ComputationGraph graph, Positions positions) {
    this.graph = graph;
    this.positions = positions;
  }

  /** Returns the line of {@code row}, without a line end. */
  String line(PackedRow row) {
    int[] targets = targets(row);
    int pairs = row.length() - 1;
    if (pairs == 0) {
      return "{\"nll\": [], \"mean_nll\": null}";
    }
    float[] losses = losses(row, targets);
    var line = new StringBuilder(12 * pairs + 40).append("{\"nll\": [");
    double sum = 0;
    int count = 0;
    for (int i = 0; i < pairs; i++) {
      line.append(i == 0 ? "" : ", ");
      if (targets[i] == PackedRow.IGNORED) {
        line.append("null");
      } else {
        line.append(Float.isFinite(losses[i]) ? Float.toString(losses[i]) : "null");
        sum += losses[i];
        count++;
      }
    }
    double mean = sum / count;
    line.append("], \"mean_nll\": "); // JSON has no word for a number that is none
    return line.append(Double.isFinite(mean) ? mean : "null").append('}').toString();
  }

  /** What each output predicts: the next token, unless it or this one is padding. */
  private static int[] targets(PackedRow row) {
    int[] targets = new int[row.length()];
    Arrays.fill(targets, PackedRow.IGNORED);
    for (int i = 0; i + 1 < targets.length; i++) {
      if (row.documentIds()[i] != PackedRow.PADDING
          && row.documentIds()[i + 1] != PackedRow.PADDING) {
        targets[i] = row.inputIds()[i + 1];
      }
    }
    return targets;
  }

  private float[] losses(PackedRow row, int[] targets) {
    try (INDArray losses =
        Decoder.tokenLosses(
            graph,
            array(row.inputIds()),
            array(row.documentIds()),
            array(row.positions(positions)),
            array(targets))) {
      return losses.reshape(row.length()).toFloatVector();
    }
  }

  private static INDArray array(int[] row) {
    return Nd4j.createFromArray(new int[][] {row});
  }
}
