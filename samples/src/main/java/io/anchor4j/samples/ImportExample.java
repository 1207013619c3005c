package io.anchor4j.samples;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;

/** Loads a Hugging Face model, trains it under anchor attention and writes it back. */
public final class ImportExample {
  private ImportExample() {}

  /**
   * Trains on one row of two documents.
   *
   * @param args the model's directory, and the one to write
   */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    Path output = Path.of(args[1]);
    var row = new PackedRow(new int[] {1, 5, 6, 7, 8, 9}, new int[] {0, 1, 1, 2, 2, 2});
    var rows = new PackedIterator.Builder(PackedDataset.of(List.of(row))).build();

    // README begin
    HuggingFaceConfig config = HuggingFaceConfig.read(directory);
    DecoderConfig decoder = config.toDecoderConfig().withMask(AttentionMask.ANCHOR);
    ComputationGraph graph = HuggingFaceModel.load(directory, decoder);
    graph.fit(rows); // tokens, documents, positions and targets, INT [B, T] each
    HuggingFaceModel.save(graph, config, output);
    // README end

    System.out.printf("loss %.3f%n", graph.score());
  }
}
