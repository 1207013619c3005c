package io.anchor4j.training;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.CliNames;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.BoundaryLabels;
import io.anchor4j.data.DataFormat;
import io.anchor4j.data.Packing;
import io.anchor4j.data.Positions;
import io.anchor4j.training.RunConfig.Adamw;
import io.anchor4j.training.RunConfig.Attention;
import io.anchor4j.training.RunConfig.Data;
import io.anchor4j.training.RunConfig.Lora;
import io.anchor4j.training.RunConfig.Model;
import io.anchor4j.training.RunConfig.Rope;
import io.anchor4j.training.RunConfig.Schedule;
import io.anchor4j.training.RunConfig.Training;
import java.util.List;
import java.util.Map;

/** Takes the settings of a run out of the mapping of its run file; the defaults stand here. */
final class RunSettings {
  private RunSettings() {}

  static RunConfig read(RunFileSection root) {
    Model model = model(root, root.section("model"));
    var config =
        new RunConfig(
            model,
            rope(root.section("rope")),
            attention(root.section("attention")),
            data(root.section("data")),
            training(root.section("training")),
            root.text("output"));
    if (config.output() == null || config.output().isBlank()) {
      throw root.error("output is missing: name the run directory, such as runs/my-run");
    }
    if (config.attention().anchorTokens() >= config.data().sequenceLength()) {
      throw root.error(
          "attention.anchorTokens is %d, which leaves no room in rows of data.sequenceLength %d"
              .formatted(config.attention().anchorTokens(), config.data().sequenceLength()));
    }
    if (needsTokenizer(config) && model.path() == null && model.tokenizer() == null) {
      throw root.error(
          "data.format raw, data.documentTag and attention.anchorToken need a tokenizer, which model.config does not have."
              + " Set model.tokenizer to a directory with a tokenizer.json.");
    }
    return config;
  }

  /** Packed rows are ready; everything else may have text in it. */
  static boolean needsTokenizer(RunConfig config) {
    Data data = config.data();
    boolean named = data.documentTag() != null || config.attention().anchorToken() != null;
    return data.format() == DataFormat.RAW || (named && data.format() != DataFormat.PACKED);
  }

  private static Model model(RunFileSection root, RunFileSection model) {
    String path = model.text("path");
    Map<String, Object> config = model.map("config");
    if ((path == null) == (config == null)) {
      throw root.error(
          "exactly one of model.path (a Hugging Face directory) and model.config (a fresh model,"
              + " fields as in config.json) must be given, got "
              + (path == null ? "neither" : "both"));
    }
    Lora lora = lora(model);
    if (lora != null && path == null) {
      throw root.error(
          "model.lora needs model.path: adapters are trained on a model that is there");
    }
    return new Model(path, config, model.text("tokenizer"), lora);
  }

  private static Lora lora(RunFileSection model) {
    if (model.map("lora") == null) {
      return null;
    }
    RunFileSection lora = model.section("lora");
    List<String> targets = lora.texts("targets");
    return new Lora(
        lora.integer("rank", 1, 16),
        lora.number("alpha", alpha -> alpha > 0, "a number above 0", 32),
        targets.isEmpty() ? List.of("q_proj", "v_proj") : targets,
        lora.number("dropout", p -> p >= 0 && p < 1, "a number from 0 to below 1", 0),
        lora.flag("rslora", false));
  }

  private static Rope rope(RunFileSection rope) {
    Map<String, Object> scaling = rope.map("scaling");
    return new Rope(
        rope.numberOrNull("theta", theta -> theta > 0, "a number above 0", null),
        scaling == null ? Map.of() : scaling);
  }

  private static Attention attention(RunFileSection attention) {
    return new Attention(
        attention.choice(
            "mask", AttentionMask.values(), AttentionMask::cliName, AttentionMask.ANCHOR),
        attention.integer("anchorTokens", 0, 1),
        attention.text("anchorToken"),
        attention.choice("positions", Positions.values(), Positions::cliName, Positions.CONTINUOUS),
        // Not bfloat16: without hardware for it, which no provider uses yet, it is no faster.
        attention.choice("precision", Precision.values(), Precision::cliName, Precision.FLOAT32));
  }

  private static Data data(RunFileSection data) {
    List<String> train = data.texts("train");
    if (train.isEmpty()) {
      throw data.error("data.train is missing: list the files to train on");
    }
    return new Data(
        train,
        data.texts("validation"),
        data.choice("format", DataFormat.values(), DataFormat::cliName, DataFormat.RAW),
        data.integer("sequenceLength", 2, 4096),
        data.choice("packing", Packing.values(), Packing::cliName, Packing.BEST_FIT),
        data.flag("interleave", false),
        data.text("documentTag"),
        data.choice(
            "boundaryLabels",
            BoundaryLabels.values(),
            BoundaryLabels::cliName,
            BoundaryLabels.IGNORE),
        data.flag("shuffle", true));
  }

  private static Training training(RunFileSection training) {
    if (training.flag("gradientCheckpointing", false)) {
      throw training.wrong("gradientCheckpointing", "false (true is not available yet)");
    }
    return new Training(
        training.integer("steps", 1, 2000),
        training.integer("batchSize", 1, 1),
        training.integer("gradientAccumulation", 1, 8),
        training.number("learningRate", rate -> rate >= 0, "a number of at least 0", 2e-5),
        schedule(training),
        adamw(training.section("adamw")),
        training.numberOrNull("gradientClip", norm -> norm > 0, "a number above 0, or null", 1.0),
        training.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, 0),
        training.integer("checkpointEvery", 1, 500),
        training.integer("keepCheckpoints", 1, 2),
        false);
  }

  private static Schedule schedule(RunFileSection training) {
    boolean written = training.has("schedule");
    RunFileSection schedule = training.section("schedule");
    return new Schedule(
        schedule.choice(
            "type",
            LearningRateSchedule.Type.values(),
            CliNames::of,
            LearningRateSchedule.Type.COSINE),
        schedule.integer("warmupSteps", 0, written ? 0 : 20),
        schedule.number(
            "finalRatio",
            ratio -> ratio >= 0 && ratio <= 1,
            "a number from 0 to 1",
            written ? 0 : 0.1));
  }

  private static Adamw adamw(RunFileSection adamw) {
    String belowOne = "a number from 0 to below 1";
    String notNegative = "a number of at least 0";
    return new Adamw(
        adamw.number("beta1", beta -> beta >= 0 && beta < 1, belowOne, 0.9),
        adamw.number("beta2", beta -> beta >= 0 && beta < 1, belowOne, 0.95),
        adamw.number("epsilon", epsilon -> epsilon >= 0, notNegative, 1e-8),
        adamw.number("weightDecay", decay -> decay >= 0, notNegative, 0.1));
  }
}
