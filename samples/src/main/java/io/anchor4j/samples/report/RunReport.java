package io.anchor4j.samples.report;

import io.anchor4j.data.DataFormat;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The plots and report.md of a finished run. */
public final class RunReport {
  private RunReport() {}

  /**
   * Draws the plots and writes report.md into a run directory.
   *
   * @param command how the run was started
   */
  public static void write(Path run, String command, Console console) throws IOException {
    RunMetrics metrics = RunMetrics.read(run);
    List<Path> pictures = List.of();
    try {
      pictures = RunPlots.write(List.of(metrics), run.resolve("plots"));
    } catch (IOException e) { // the model is trained: a missing font must not hide that
      console.note("no plots: " + e.getMessage());
    }
    OutputFile.write(run.resolve("report.md"), text(run, metrics, command, pictures));
  }

  private static String text(Path run, RunMetrics metrics, String command, List<Path> pictures)
      throws IOException {
    List<StepMetrics> steps = metrics.steps();
    StepMetrics last = steps.get(steps.size() - 1);
    double[] speeds = steps.stream().mapToDouble(StepMetrics::tokensPerSecond).sorted().toArray();
    double[] losses = steps.stream().mapToDouble(StepMetrics::loss).toArray();
    int tail = Math.min(losses.length, Math.max(1, losses.length / 20));
    double finalLoss =
        Arrays.stream(losses, losses.length - tail, losses.length).average().orElse(0);
    var lines = new ArrayList<String>();
    lines.add("# Training run " + metrics.name());
    lines.add("");
    lines.add(
        new Table(List.of("", "value"))
            .row(List.of("steps", String.valueOf(last.step())))
            .row(List.of("loss, mean of the last " + tail + " steps", nats(finalLoss)))
            .row(List.of("validation loss", validation(metrics)))
            .row(
                List.of(
                    "tokens/s, median",
                    String.format(Locale.ROOT, "%,.0f", speeds[speeds.length / 2])))
            .row(
                List.of(
                    "time",
                    Durations.text(Duration.ofMillis((long) (1000 * last.elapsedSeconds())))))
            .toMarkdown());
    lines.add("");
    lines.add("- command: `" + command + "`");
    lines.add("- machine: " + Machine.describe());
    RunConfig config = RunConfig.read(run.resolve("config.yaml"), List.of());
    boolean whole = config.model().lora() == null;
    Path model = whole ? run.resolve("model") : Path.of(config.model().path());
    DecoderConfig decoder = HuggingFaceConfig.read(model).toDecoderConfig();
    String kind = whole ? "a Hugging Face directory" : "an adapter of PEFT's format on " + model;
    lines.add(
        "- model: `model`, %s; %s parameters, %d layers of %d channels, %d query and %d key/value heads of %d"
            .formatted(
                kind,
                Counts.text((double) decoder.parameters()),
                decoder.layers(),
                decoder.hiddenSize(),
                decoder.heads(),
                decoder.kvHeads(),
                decoder.headDim()));
    lines.add(
        "- a step: %d batches of %d rows of %d tokens, %s attention, %s"
            .formatted(
                config.training().gradientAccumulation(),
                config.training().batchSize(),
                config.data().sequenceLength(),
                config.attention().mask().cliName(),
                config.attention().precision().cliName()));
    lines.addAll(anchors(config, run.resolve("model")));
    lines.add("- metrics: `metrics.jsonl`, a line a step");
    lines.add("");
    for (Path picture : pictures) {
      lines.add("![" + picture.getFileName() + "](plots/" + picture.getFileName() + ")");
      lines.add("");
    }
    lines.add("The run file as resolved (`config.yaml`):");
    lines.add("");
    lines.add("```yaml");
    lines.add(Files.readString(run.resolve("config.yaml")).strip());
    lines.add("```");
    return String.join("\n", lines) + "\n";
  }

  /** Which token the anchors are, where rows were packed for the run and by a tokenizer. */
  private static List<String> anchors(RunConfig config, Path model) throws IOException {
    if (config.attention().anchorTokens() == 0
        || config.data().format() == DataFormat.PACKED
        || !Files.exists(model.resolve("tokenizer.json"))) {
      return List.of();
    }
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      int id = tokenizer.specialTokens(config.attention().anchorToken()).anchor().orElseThrow();
      return List.of(
          "- anchors: %d at the head of each row, %s"
              .formatted(config.attention().anchorTokens(), tokenizer.describe(id)));
    }
  }

  private static String validation(RunMetrics metrics) {
    List<RunMetrics.Validation> all = metrics.validations();
    return all.isEmpty() ? "not asked for" : nats(all.get(all.size() - 1).loss());
  }

  private static String nats(double loss) {
    return String.format(Locale.ROOT, "%.4f nats per token", loss);
  }
}
