package io.anchor4j.training;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.BoundaryLabels;
import io.anchor4j.data.DataFormat;
import io.anchor4j.data.Packing;
import io.anchor4j.data.Positions;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.PeftTargets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The run file: what is trained, on what, how, and where the results go.
 *
 * <p>The names of the components are the keys of the file, and {@link #read} fills in what the file
 * leaves out, so that {@link #toYaml} shows every setting of a run. Paths are relative to the
 * current directory.
 *
 * @param output the run directory
 */
public record RunConfig(
    Model model, Rope rope, Attention attention, Data data, Training training, String output) {

  /**
   * The model to start from: exactly one of {@code path} and {@code config} is given.
   *
   * @param path a Hugging Face directory, or null
   * @param config a fresh model, fields as in config.json, or null
   * @param tokenizer a directory with a tokenizer.json, for text and for the directory that is
   *     written at the end; null for the one in {@code path}
   * @param lora adapters to train on the frozen model in {@code path}; null to train the model
   */
  public record Model(String path, Map<String, Object> config, String tokenizer, Lora lora) {}

  /**
   * Low-rank adapters, see {@link PeftConfig}.
   *
   * @param targets names of linear maps as in PEFT, or {@code all-linear} alone
   * @param rslora whether the scale is alpha / sqrt(rank), not alpha / rank
   */
  public record Lora(int rank, double alpha, List<String> targets, double dropout, boolean rslora) {

    /** Returns what adapter_config.json says of them. */
    PeftConfig toPeftConfig(String baseModel) {
      return new PeftConfig(rank, alpha, rslora, dropout, PeftTargets.of(targets), baseModel);
    }
  }

  /**
   * Rotary settings that win over the model's own.
   *
   * @param theta base of the frequencies, or null for the model's
   * @param scaling fields as in the rope_scaling of config.json; empty for the model's
   */
  public record Rope(Double theta, Map<String, Object> scaling) {}

  /**
   * How tokens attend.
   *
   * @param anchorTokens anchors at the head of each row that is packed here
   * @param anchorToken the token they are, as it stands in text; null for the tokenizer's begin
   *     token, or where there is none its end token
   */
  public record Attention(
      AttentionMask mask,
      int anchorTokens,
      String anchorToken,
      Positions positions,
      Precision precision) {}

  /**
   * The documents and how they become rows.
   *
   * @param train at least one file
   * @param validation files, or none
   * @param sequenceLength tokens in a row
   * @param documentTag text at the head of every document, which is not predicted; null for none
   */
  public record Data(
      List<String> train,
      List<String> validation,
      DataFormat format,
      int sequenceLength,
      Packing packing,
      boolean interleave,
      String documentTag,
      BoundaryLabels boundaryLabels,
      boolean shuffle) {}

  /**
   * The loop.
   *
   * @param steps updates of the whole run
   * @param batchSize rows that go through the network at once
   * @param gradientAccumulation batches whose gradients make one update
   * @param gradientClip the largest global norm of a gradient; null for no limit
   * @param checkpointEvery updates from one checkpoint to the next
   * @param keepCheckpoints how many of the newest checkpoints stay
   * @param gradientCheckpointing always false: it is not available
   */
  public record Training(
      int steps,
      int batchSize,
      int gradientAccumulation,
      double learningRate,
      Schedule schedule,
      Adamw adamw,
      Double gradientClip,
      long seed,
      int checkpointEvery,
      int keepCheckpoints,
      boolean gradientCheckpointing) {

    /** Returns the learning rate of every update. */
    public LearningRateSchedule learningRates() {
      return new LearningRateSchedule(
          schedule.type(), learningRate, steps, schedule.warmupSteps(), schedule.finalRatio());
    }
  }

  /** See {@link LearningRateSchedule}. */
  public record Schedule(LearningRateSchedule.Type type, int warmupSteps, double finalRatio) {}

  /** See {@link AdamW}. */
  public record Adamw(double beta1, double beta2, double epsilon, double weightDecay) {}

  /**
   * Reads a run file.
   *
   * <p>Keys that are left out: {@code attention} is anchor with one anchor token, continuous
   * positions and float32; {@code data} is raw, rows of 4096 tokens, best-fit, boundary labels
   * ignored, shuffled; {@code training} is 2000 steps of eight batches of one row, learning rate
   * 2e-5 along a cosine (20 steps of warm-up, to a tenth), AdamW (0.9, 0.95, 1e-8, decay 0.1),
   * clipped at 1, seed 0, a checkpoint every 500 steps, of which two are kept; {@code model.lora}
   * is rank 16, alpha 32, q_proj and v_proj, no dropout. A {@code schedule} that is written out
   * starts from no warm-up and a final ratio of 0, as transformers' do. {@code data.train}, {@code
   * output} and one of {@code model.path} and {@code model.config} must be given.
   *
   * @param overrides {@code key.path=value}, the value as it would stand in the file
   * @throws IllegalArgumentException if the file cannot be read, is not YAML, has a key that is not
   *     known (the message names the nearest known one), lacks one that must be given, or a value
   *     is of the wrong type or out of range (the message names the key, what was found and what is
   *     expected)
   */
  public static RunConfig read(Path file, List<String> overrides) {
    return RunFile.read(file, overrides);
  }

  /**
   * Takes the text of a run file.
   *
   * @throws IllegalArgumentException as {@link #read} does
   */
  public static RunConfig parse(String yaml) {
    return RunFile.parse(yaml, "run file", List.of());
  }

  /** Returns this configuration as a run file that {@link #read} turns into an equal one. */
  public String toYaml() {
    return RunFile.write(this);
  }
}
