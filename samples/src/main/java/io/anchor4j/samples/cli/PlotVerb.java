package io.anchor4j.samples.cli;

import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.RunMetrics;
import io.anchor4j.samples.report.RunPlots;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code plot RUN...}: pictures of one run, or of several laid over each other. */
@Command(
    name = "plot",
    header = "Draws loss, learning rate, gradient norm and speed of one or more runs.",
    description = "%nWrites one PNG for each and prints their paths.",
    footer = {
      "%nExamples:",
      "  anchor4j plot runs/my-run",
      "  anchor4j plot runs/full runs/anchor --output compared"
    })
final class PlotVerb extends Verb {
  @Parameters(
      arity = "1..*",
      paramLabel = "RUN",
      description = "Run directories (or metrics.jsonl files).")
  private List<Path> runs;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description = "Where the pictures go; with one run the default is its plots/.")
  private Path output;

  @Override
  void run(Console console) throws Exception {
    if (output == null && runs.size() > 1) {
      throw new IllegalArgumentException("plot of several runs needs --output DIR");
    }
    var metrics = new ArrayList<RunMetrics>();
    for (Path run : runs) {
      metrics.add(metrics(run));
    }
    Path directory = output != null ? output : metrics.get(0).directory().resolve("plots");
    for (Path picture : RunPlots.write(metrics, directory)) {
      console.result(picture.toString());
    }
  }

  private static RunMetrics metrics(Path run) throws IOException {
    try {
      return RunMetrics.read(run);
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(run + ": not UTF-8 text, so no run's metrics", e);
    }
  }
}
