package io.anchor4j.samples.cli;

import io.anchor4j.data.DataFormat;
import io.anchor4j.data.PackedRows;
import io.anchor4j.data.PackedWriter;
import io.anchor4j.data.Packing;
import io.anchor4j.data.PackingConfig;
import io.anchor4j.data.SpecialTokens;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import io.anchor4j.samples.report.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code prepare}: raw or tokenized documents to packed rows. */
@Command(
    name = "prepare",
    header = "Packs documents into rows of one length.",
    description =
        "%nReads JSON Lines (.gz as they are) and writes rows with a document id for each token;"
            + " train and score read them as they are. Prints packing efficiency and boundaries.",
    footer = {
      "%nExamples:",
      "  anchor4j prepare --tokenizer models/base --input books.jsonl code.jsonl.gz \\",
      "      --output packed.jsonl --sequence-length 4096",
      "  anchor4j prepare --tokenizer models/base --format tokenized \\",
      "      --input ids.jsonl --output packed.jsonl.gz --sequence-length 65536"
    })
final class PrepareVerb extends Verb {
  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      required = true,
      description = "Hugging Face directory with tokenizer.json.")
  private Path tokenizerDirectory;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      arity = "1..*",
      required = true,
      description = "Files of documents.")
  private List<Path> input;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      required = true,
      description = "The packed rows; compressed if the name ends in .gz.")
  private Path output;

  @Option(
      names = "--sequence-length",
      paramLabel = "N",
      required = true,
      description = "Tokens in a row.")
  private int sequenceLength;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "raw",
      description =
          "raw: {\"text\": ...} or {\"messages\": [...]}; tokenized: {\"input_ids\": [...]}"
              + " (${DEFAULT-VALUE}).")
  private DataFormat format;

  @Option(
      names = "--packing",
      paramLabel = "PACKING",
      defaultValue = "best-fit",
      description =
          "best-fit: documents stay whole where they fit; wrapped: cut at each row's end"
              + " (${DEFAULT-VALUE}).")
  private Packing packing;

  @Option(
      names = "--anchor-tokens",
      paramLabel = "N",
      defaultValue = "1",
      description = "Anchors at the head of each row (${DEFAULT-VALUE}).")
  private int anchorTokens;

  @Option(
      names = "--anchor-token",
      paramLabel = "TOKEN",
      description =
          "The token that anchors are, as it stands in text; if not given, the tokenizer's begin"
              + " token, or where there is none its end token.")
  private String anchorToken;

  @Option(
      names = "--interleave",
      description = "Cut documents into chunks and shuffle the chunks of a row.")
  private boolean interleave;

  @Option(
      names = "--document-tag",
      paramLabel = "TEXT",
      description = "Text at the head of every document, not to be predicted.")
  private String documentTag;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description = "Of the order of interleaved chunks (${DEFAULT-VALUE}).")
  private long seed;

  @Mixin private BadLinesOption badLines;

  @Override
  void run(Console console) throws Exception {
    if (format == DataFormat.PACKED) {
      throw new IllegalArgumentException("--format must be raw or tokenized: packed data is ready");
    }
    var inputs = new ArrayList<Path>(input);
    inputs.add(tokenizerDirectory);
    Outputs.check(output, inputs);
    try (var tokenizer = Tokenizer.load(tokenizerDirectory);
        PackedRows rows = rows(tokenizer)) {
      Path shown = input.size() == 1 ? input.get(0) : null;
      console.note("packing " + (shown == null ? input.size() + " files" : shown) + " ...");
      if (!rows.hasNext()) {
        throw new IllegalArgumentException(nothingToPack());
      }
      PackedWriter.write(output, new NotedRows(rows, console));
      badLines.report(console);
      rows.report().orElseThrow().describe().lines().forEach(console::result);
      if (anchorTokens > 0) {
        int anchor = tokenizer.specialTokens(anchorToken).anchor().orElseThrow();
        console.result("anchors             " + tokenizer.describe(anchor));
      }
    }
  }

  private String nothingToPack() throws IOException {
    if (badLines.skipped() > 0) {
      return "no line could be used, skipped "
          + badLines.skipped()
          + "; "
          + badLines.firstSkipped();
    }
    boolean empty = true;
    for (Path file : input) {
      empty &= Files.size(file) == 0;
    }
    String names = input.stream().map(Path::toString).collect(Collectors.joining(", "));
    return names + (empty ? ": empty, nothing to pack" : ": no document that is not empty");
  }

  private PackedRows rows(Tokenizer tokenizer) {
    SpecialTokens special = tokenizer.specialTokens(anchorToken);
    PackingConfig config =
        PackingConfig.of(sequenceLength, special)
            .withPacking(packing)
            .withAnchorTokens(anchorTokens)
            .withInterleave(interleave, seed);
    if (documentTag != null) {
      config = config.withDocumentTag(tokenizer.encode(documentTag));
    }
    return format == DataFormat.RAW
        ? PackedRows.raw(input, tokenizer, tokenizer.size(), config, badLines.badLines())
        : PackedRows.tokenized(input, tokenizer.size(), config, badLines.badLines());
  }
}
