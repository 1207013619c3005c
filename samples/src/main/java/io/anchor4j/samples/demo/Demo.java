package io.anchor4j.samples.demo;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.PackedWriter;
import io.anchor4j.data.Packer;
import io.anchor4j.data.PackingConfig;
import io.anchor4j.data.SpecialTokens;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.Durations;
import io.anchor4j.samples.report.RunMetrics;
import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * The main job, small: a Llama learns at a short length, then grows to eight times that length
 * under each mask from the same weights, over the same rows, in as many steps; and the four models
 * are compared on documents that fill the long rows.
 */
public final class Demo {
  /** The masks that are compared, in the order they run. */
  static final List<String> ARMS =
      Arrays.stream(AttentionMask.values()).map(AttentionMask::cliName).toList();

  static final int SHORT_LENGTH = 256;
  static final int LONG_LENGTH = 2048;

  private final Console console;
  private final DemoDirectory directory;
  private final DemoBudget budget;
  private final DemoRuns runs;

  private Demo(Console console, DemoDirectory directory, DemoBudget budget) {
    this.console = console;
    this.directory = directory;
    this.budget = budget;
    this.runs = new DemoRuns(console, directory);
  }

  /**
   * Runs the demo.
   *
   * @param minutes about how long it may take; the steps are chosen to fit
   * @param command how it was started, for the report
   * @throws IllegalArgumentException if {@code output} holds files of someone else's, or there are
   *     no minutes
   */
  public static void run(Console console, Path output, double minutes, String command)
      throws IOException {
    if (!(minutes > 0)) {
      throw new IllegalArgumentException("--minutes must be above 0, got " + minutes);
    }
    var directory = new DemoDirectory(output);
    new Demo(console, directory, DemoBudget.starting(minutes)).run(command);
  }

  private void run(String command) throws IOException {
    console.note("1/4 Real documents: the sources of nd4j-api and deeplearning4j-nn");
    DemoCorpus corpus = DemoCorpus.read();
    copyTokenizer();
    try (Tokenizer tokenizer = Tokenizer.load(directory.tokenizer())) {
      var special = tokenizer.specialTokens(null);
      console.note(
          "    %,d documents to train on, %d held out"
              .formatted(corpus.training().size(), corpus.validation().size()));
      DemoCorpus.write(corpus.training(), directory.data().resolve("train.jsonl"));
      DemoCorpus.write(corpus.validation(), directory.data().resolve("validation.jsonl"));
      List<int[]> documents =
          corpus.training().stream().map(d -> tokenizer.encode(d.text())).toList();
      pack(documents, special, SHORT_LENGTH);
      // A document longer than a row fills it alone, and then all masks are the same.
      int fits = LONG_LENGTH - 2; // beside an anchor and an end-of-sequence token
      pack(documents.stream().filter(d -> d.length <= fits).toList(), special, LONG_LENGTH);

      console.note("2/4 A fresh Llama learns at " + SHORT_LENGTH + " tokens, full attention");
      Path shortFile = runs.writeRunFile("short.yaml");
      double stepSeconds = runs.timeSteps(shortFile, runs.shortSettings());
      int shortSteps = budget.shortSteps(stepSeconds);
      note(shortSteps, stepSeconds);
      runs.train(shortFile, "short", "short", shortSteps, runs.shortSettings());

      console.note(
          "3/4 The same weights grow to %d tokens, under each mask".formatted(LONG_LENGTH));
      Path extendFile = runs.writeRunFile("extend.yaml");
      stepSeconds = runs.timeSteps(extendFile, runs.extendSettings(ARMS.get(0)));
      int longSteps = budget.longSteps(stepSeconds, ARMS.size());
      note(longSteps, stepSeconds);
      for (String arm : ARMS) {
        runs.train(extendFile, arm, arm, longSteps, runs.extendSettings(arm));
      }
      DemoDirectory.delete(directory.trial());

      int most = budget.validationRows(stepSeconds, ARMS.size() + 1);
      List<PackedRow> rows =
          LongRows.of(
              corpus.validation(), tokenizer, tokenizer.beginId().orElseThrow(), LONG_LENGTH, most);
      console.note(
          "4/4 Perplexity on %d rows of %d tokens, each of one held-out document"
              .formatted(rows.size(), LONG_LENGTH));
      List<ArmResult> results = compare(rows, longSteps);
      new DemoReport(directory, shortSteps, longSteps, rows.size(), results)
          .write(command, budget, corpus, console);
      show(results);
    }
  }

  private List<ArmResult> compare(List<PackedRow> rows, int steps) throws IOException {
    var results = new ArrayList<ArmResult>();
    var evaluation = new DemoEvaluation(console, rows);
    double[] before = evaluation.perplexities("before", directory.model("short"));
    results.add(new ArmResult("before extension", 0, 0, before));
    for (String arm : ARMS) {
      double[] perplexities = evaluation.perplexities(arm, directory.model(arm));
      List<StepMetrics> metrics = RunMetrics.read(directory.run(arm)).steps();
      double tokensPerSecond = median(metrics.stream().mapToDouble(StepMetrics::tokensPerSecond));
      double stepSeconds =
          median(
              IntStream.range(1, steps)
                  .mapToDouble(
                      i -> metrics.get(i).elapsedSeconds() - metrics.get(i - 1).elapsedSeconds()));
      results.add(new ArmResult(arm, stepSeconds * steps, tokensPerSecond, perplexities));
    }
    return results;
  }

  /** Not the mean: a pause of the machine would count against whichever arm it fell on. */
  private static double median(DoubleStream values) {
    double[] sorted = values.sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private void show(List<ArmResult> results) {
    console.result("");
    console.result(DemoReport.table(results).toText());
    console.result("");
    console.result(DemoReport.verdict(results));
    console.result("");
    console.result("report:  " + directory.report());
    console.result("plots:   " + directory.plots());
    console.result(
        "models:  " + directory.root() + "/{short," + String.join(",", ARMS) + "}/model");
    console.note("Took " + Durations.text(budget.elapsed()) + ".");
  }

  private void note(int steps, double stepSeconds) {
    console.note(
        String.format(
            Locale.ROOT, "    a step takes %.2f s here, so %,d steps", stepSeconds, steps));
  }

  private void copyTokenizer() throws IOException {
    Files.createDirectories(directory.tokenizer());
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      try (InputStream in =
          Demo.class.getResourceAsStream("/io/anchor4j/samples/tokenizer/" + name)) {
        Files.copy(in, directory.tokenizer().resolve(name));
      }
    }
  }

  private void pack(List<int[]> documents, SpecialTokens special, int length) throws IOException {
    Iterator<PackedRow> rows =
        new Packer(PackingConfig.of(length, special)).pack(documents.iterator());
    long count = PackedWriter.write(DemoRuns.packed(directory, length), rows);
    console.note(
        "    %,d rows of %d tokens, from %,d documents".formatted(count, length, documents.size()));
  }
}
