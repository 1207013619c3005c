package io.anchor4j.samples.cli;

import io.anchor4j.data.JsonlReader;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.OutputFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code score}: the negative log-likelihood of each token of packed rows. */
@Command(
    name = "score",
    header = "Computes the negative log-likelihood of every token of packed rows.",
    description =
        "%nWrites one line a row: {\"nll\": [T-1 numbers], \"mean_nll\": x}, where nll[i] is that of"
            + " token i+1 given those before it, in nats, and null where either is padding. Labels"
            + " play no part.",
    footer = {
      "%nExamples:",
      "  anchor4j score --model models/base --data packed.jsonl --output nll.jsonl",
      "  anchor4j score --model runs/my-run/model --data packed.jsonl --attention anchor \\",
      "      --positions per-document --output nll.jsonl"
    })
final class ScoreVerb extends Verb {
  @Mixin private ModelOptions model;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      required = true,
      description = "Packed rows, as prepare writes them.")
  private Path data;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Where the lines go; standard output if not given.")
  private Path output;

  @Mixin private AttentionOptions attention;

  @Mixin private BadLinesOption badLines;

  @Override
  void run(Console console) throws Exception {
    if (output != null) {
      List<Path> inputs = new ArrayList<>(model.directories());
      inputs.add(data);
      Outputs.check(output, inputs);
    }
    DecoderConfig config = attention.apply(model.config().toDecoderConfig());
    try (JsonlReader<PackedRow> rows =
        JsonlReader.packed(
            List.of(data), config.vocabularySize(), Integer.MAX_VALUE, badLines.badLines())) {
      var scorer = new RowScorer(model.load(config), attention.positions());
      if (output == null) {
        for (var noted = new NotedRows(rows, console); noted.hasNext(); ) {
          console.result(scorer.line(noted.next()));
        }
      } else {
        OutputFile.write(output, out -> write(scorer, new NotedRows(rows, console), out));
      }
      badLines.report(console);
    }
  }

  private static void write(RowScorer scorer, NotedRows rows, OutputStream out) throws IOException {
    while (rows.hasNext()) {
      out.write((scorer.line(rows.next()) + "\n").getBytes(StandardCharsets.US_ASCII));
    }
  }
}
