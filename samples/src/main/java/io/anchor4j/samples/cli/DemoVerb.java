package io.anchor4j.samples.cli;

import io.anchor4j.samples.demo.Demo;
import io.anchor4j.samples.report.Console;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code demo}: the main job on real documents, without arguments. */
@Command(
    name = "demo",
    header = "Trains a small Llama on real documents and extends it under three masks.",
    description = {
      "%nPrepares a corpus of real source files, trains a small Llama at 256 tokens, extends it to"
          + " 2048 under full, intra-document and anchor attention from the same weights, and prints"
          + " the comparison. Leaves plots, report.md and Hugging Face directories.",
      "%nNothing is downloaded but what Maven fetched for the build."
    },
    footer = {
      "%nExamples:",
      "  anchor4j demo",
      "  anchor4j demo --minutes 30 --output runs/longer-demo"
    })
final class DemoVerb extends Verb {
  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "8",
      description = "About how long it may take (${DEFAULT-VALUE}); more steps fit in more.")
  private double minutes;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "runs/demo",
      description = "Where the results go (${DEFAULT-VALUE}); an earlier demo there is replaced.")
  private Path output;

  @Override
  void run(Console console) throws Exception {
    Demo.run(console, output, minutes, commandLine());
  }
}
