package io.anchor4j.samples.cli;

import io.anchor4j.samples.report.Console;
import io.anchor4j.training.TrainingRun;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code export}: a run as a Hugging Face directory. */
@Command(
    name = "export",
    header = "Writes the newest state of a run as a Hugging Face directory.",
    description =
        "%nWrites config.json, model.safetensors (or shards with an index), generation_config.json"
            + " and the tokenizer's files; transformers loads the directory as it is.",
    footer = {"%nExamples:", "  anchor4j export --run runs/my-run --output models/extended"})
final class ExportVerb extends Verb {
  @Option(
      names = "--run",
      paramLabel = "RUN",
      required = true,
      description = "Run directory, finished or with a checkpoint.")
  private Path run;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      required = true,
      description = "The directory to write; it must be new or empty.")
  private Path output;

  @Override
  void run(Console console) throws Exception {
    if (!Files.isDirectory(run)) {
      throw new IllegalArgumentException(run + ": there is no such run directory");
    }
    TrainingRun.export(run, output);
    console.result(output.toString());
  }
}
