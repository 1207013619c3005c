package io.anchor4j.samples.demo;

import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.Progress;
import io.anchor4j.training.PositionLosses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;

/**
 * Scores a model's Hugging Face directory as anyone would use it: plain causal attention, whatever
 * mask it was trained under.
 */
final class DemoEvaluation {
  private final Console console;
  private final List<PackedRow> rows;

  /** Scores models on rows of equal length. */
  DemoEvaluation(Console console, List<PackedRow> rows) {
    this.console = console;
    this.rows = rows;
  }

  /** Returns the perplexity of each of {@link Buckets}, then that of all tokens. */
  double[] perplexities(String name, Path model) throws IOException {
    ComputationGraph graph = HuggingFaceModel.load(model);
    var losses = new double[Buckets.COUNT + 1];
    var targets = new long[Buckets.COUNT + 1];
    try (Progress progress = console.progress("    " + name, 0, rows.size())) {
      for (int row = 0; row < rows.size(); row++) {
        var batch = new PackedIterator.Builder(PackedDataset.of(List.of(rows.get(row)))).build();
        for (var found : PositionLosses.of(graph, batch, Demo.SHORT_LENGTH)) {
          for (int sum : new int[] {Buckets.of(found.first()), Buckets.COUNT}) {
            losses[sum] += found.meanLoss() * found.targets();
            targets[sum] += found.targets();
          }
        }
        progress.step(row + 1L, "");
      }
    }
    graph.close();
    for (int i = 0; i < losses.length; i++) {
      losses[i] = Math.exp(losses[i] / targets[i]);
    }
    return losses;
  }
}
