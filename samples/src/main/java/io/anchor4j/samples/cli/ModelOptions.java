package io.anchor4j.samples.cli;

import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.PeftAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import picocli.CommandLine.Option;

/** The model of every verb that runs one, with or without an adapter. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "DIR",
      required = true,
      description = "Hugging Face directory.")
  private Path model;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "Low-rank adapter on that model, in PEFT's format.")
  private Path adapter;

  Path directory() {
    return model;
  }

  /** Returns all directories that are read. */
  List<Path> directories() {
    return adapter == null ? List.of(model) : List.of(model, adapter);
  }

  HuggingFaceConfig config() throws IOException {
    return adapter == null
        ? HuggingFaceConfig.read(model)
        : PeftAdapter.modelConfig(model, adapter);
  }

  /** Loads the model for the decoder of {@link #config}, with what the verb changes of it. */
  ComputationGraph load(DecoderConfig decoder) throws IOException {
    return adapter == null
        ? HuggingFaceModel.load(model, decoder)
        : PeftAdapter.load(model, decoder, adapter);
  }
}
