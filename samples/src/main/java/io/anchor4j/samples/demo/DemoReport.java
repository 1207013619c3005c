package io.anchor4j.samples.demo;

import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.Durations;
import io.anchor4j.samples.report.LinePlot;
import io.anchor4j.samples.report.Machine;
import io.anchor4j.samples.report.OutputFile;
import io.anchor4j.samples.report.RunMetrics;
import io.anchor4j.samples.report.RunPlots;
import io.anchor4j.samples.report.Table;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** What the demo measured, as a table, plots and report.md. */
final class DemoReport {
  private final DemoDirectory directory;
  private final int shortSteps;
  private final int longSteps;
  private final int rows;
  private final List<ArmResult> results;

  /**
   * A report.
   *
   * @param rows that each model was scored on
   * @param results the model before its extension, then one for each arm, full attention first
   */
  DemoReport(
      DemoDirectory directory, int shortSteps, int longSteps, int rows, List<ArmResult> results) {
    this.directory = directory;
    this.shortSteps = shortSteps;
    this.longSteps = longSteps;
    this.rows = rows;
    this.results = results;
  }

  /** Returns the comparison, a row for each model. */
  static Table table(List<ArmResult> results) {
    var titles = new ArrayList<>(List.of("attention"));
    IntStream.range(0, Buckets.COUNT).mapToObj(Buckets::name).forEach(titles::add);
    titles.addAll(List.of("all", "tokens/s", "time", "time saved"));
    var table = new Table(titles);
    double fullSeconds = results.get(1).seconds();
    for (ArmResult result : results) {
      var cells = new ArrayList<>(List.of(result.name()));
      for (double perplexity : result.perplexities()) {
        cells.add(perplexity(perplexity));
      }
      boolean extended = result.extended();
      cells.add(extended ? String.format(Locale.ROOT, "%,.0f", result.tokensPerSecond()) : "");
      cells.add(extended ? String.format(Locale.ROOT, "%.1f s", result.seconds()) : "");
      boolean compared = extended && !result.equals(results.get(1));
      cells.add(compared ? percent(1 - result.seconds() / fullSeconds) : "");
      table.row(cells);
    }
    return table;
  }

  /** Returns what the table says in words, whichever arm it favours. */
  static String verdict(List<ArmResult> results) {
    List<ArmResult> arms = results.subList(1, results.size());
    ArmResult best = arms.stream().min(Comparator.comparing(ArmResult::farthest)).orElseThrow();
    ArmResult fastest = arms.stream().min(Comparator.comparing(ArmResult::seconds)).orElseThrow();
    String lowest =
        String.format(
            Locale.ROOT,
            "At places %s the lowest perplexity is that of %s: %s, against %s before extension.",
            Buckets.name(Buckets.COUNT - 1),
            best.name(),
            perplexity(best.farthest()),
            perplexity(results.get(0).farthest()));
    ArmResult full = arms.get(0);
    return lowest
        + (fastest.equals(full)
            ? " The fastest was full attention."
            : String.format(
                Locale.ROOT,
                " The fastest was %s: it took %s less time than full attention.",
                fastest.name(),
                percent(1 - fastest.seconds() / full.seconds())));
  }

  /** Draws the plots and writes report.md. */
  void write(String command, DemoBudget budget, DemoCorpus corpus, Console console)
      throws IOException {
    try {
      plots();
    } catch (IOException e) { // all is measured: a missing font must not hide that
      console.note("no plots: " + e.getMessage());
    }
    String took = Durations.text(budget.elapsed());
    OutputFile.write(
        directory.report(),
        """
        # Extending a small Llama from %d to %d tokens under three masks

        %s

        %s

        Perplexity of the predicted tokens by their place in the row, on %d rows of %d tokens, each \
        filled by one long document that was never trained on. All models are scored as transformers \
        would run them: plain causal attention. "time" is that of %d training steps (by \
        the median step), "time saved" is against full attention; the three ran one after another, so \
        whatever else the machine did meanwhile counts. The head of a source file (package, \
        imports) is easier to predict than what follows, so compare within a column.

        ![Perplexity by place in the row](plots/perplexity.png)

        ## What was run

        - command: `%s`
        - machine: %s; took %s
        - documents: %d hand-written .java files of the sources jars of nd4j-api and \
        deeplearning4j-nn 1.0.0-M2.1 to train on and %d held out (one in ten, by file name), \
        licence headers left out
        - model: Llama, 128 channels, 4 layers, 4 query and 2 key/value heads of 32, vocabulary \
        2048, tied embeddings, float32
        - first phase: %d steps of 8 rows of %d tokens, full attention, theta 10000 \
        (run-files/short.yaml)
        - extension: %d steps of one row of %d tokens, from the same weights over the same rows in \
        the same order, theta 100000; only documents that fit a row, as one that fills it alone makes all masks \
        the same (run-files/extend.yaml)

        ![Training loss of the extensions](plots/extension/loss.png)

        A model this small, trained for minutes with one seed, shows that the whole path works and \
        how fast each mask is on this machine. Its perplexities are no evidence for a large model; \
        repeat with another training.seed to see how far they scatter.

        ## What lies here

        - `short/model`, `%s`: Hugging Face directories
        - `short`, `full`, ...: run directories with config.yaml and metrics.jsonl; train one \
        further or again with `anchor4j train RUN/config.yaml`
        - `data`: the documents as raw JSON Lines, and packed
        """
            .formatted(
                Demo.SHORT_LENGTH,
                Demo.LONG_LENGTH,
                verdict(results),
                table(results).toMarkdown(),
                rows,
                Demo.LONG_LENGTH,
                longSteps,
                command,
                Machine.describe(),
                took,
                corpus.training().size(),
                corpus.validation().size(),
                shortSteps,
                Demo.SHORT_LENGTH,
                longSteps,
                Demo.LONG_LENGTH,
                String.join("/model`, `", Demo.ARMS) + "/model"));
  }

  private void plots() throws IOException {
    Path plots = directory.plots();
    RunPlots.write(List.of(RunMetrics.read(directory.run("short"))), plots.resolve("short"));
    var extensions = new ArrayList<RunMetrics>();
    for (String arm : Demo.ARMS) {
      extensions.add(RunMetrics.read(directory.run(arm)));
    }
    RunPlots.write(extensions, plots.resolve("extension"));
    var curves = new ArrayList<LinePlot.Curve>();
    var inOrder = new ArrayList<>(results);
    Collections.rotate(inOrder, -1); // the arms first: they keep the colours of the other plots
    for (ArmResult result : inOrder) {
      double[] places =
          IntStream.range(0, Buckets.COUNT)
              .mapToDouble(i -> (Buckets.start(i) + Buckets.end(i)) / 2.0)
              .toArray();
      curves.add(
          new LinePlot.Curve(
              result.name(), places, Arrays.copyOf(result.perplexities(), places.length)));
    }
    LinePlot.save(
        "Perplexity on held-out documents",
        "place in the row (tokens)",
        "perplexity",
        Demo.LONG_LENGTH,
        curves,
        plots.resolve("perplexity.png"));
  }

  private static String perplexity(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }
}
