package io.anchor4j.training;

import com.google.common.io.MoreFiles;
import io.anchor4j.data.BadLines;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run as its run file describes it, in its directory:
 *
 * <ul>
 *   <li>{@code config.yaml}: the run file as resolved
 *   <li>{@code metrics.jsonl}: {@link StepMetrics} a step, and {@code {"step", "validation_loss"}}
 *       with each checkpoint if there is validation data
 *   <li>{@code checkpoints/step-N}: all that is needed to go on; see {@link Checkpoint}
 *   <li>{@code model}: the Hugging Face directory, or the adapter in PEFT's format, at the end
 * </ul>
 *
 * <p>A run that is resumed ends with the same bits in its weights and metrics as one that was never
 * interrupted, on the same machine with the same number of threads; only the times differ.
 */
public final class TrainingRun {
  /** The file of metrics in the run directory. */
  public static final String METRICS = "metrics.jsonl";

  /** The Hugging Face directory in the run directory. */
  public static final String MODEL = "model";

  /** The directory of checkpoints in the run directory. */
  static final String CHECKPOINTS = "checkpoints";

  private static final Logger log = LoggerFactory.getLogger(TrainingRun.class);

  private final RunConfig config;
  private final BadLines badLines;
  private final Path output;
  private final Checkpoints checkpoints;

  /**
   * Prepares a run; nothing is read or written yet.
   *
   * @param badLines what to do with a line of the data that cannot be used
   */
  public TrainingRun(RunConfig config, BadLines badLines) {
    this.config = config;
    this.badLines = badLines;
    this.output = Path.of(config.output());
    this.checkpoints = new Checkpoints(output.resolve(CHECKPOINTS));
  }

  /**
   * Trains from the first step, or from the newest checkpoint on, to the last step, and writes the
   * model.
   *
   * @param resume go on from the newest checkpoint; a run that ended before its first one starts
   *     over
   * @return false if {@code progress} asked to stop before the last step
   * @throws IllegalArgumentException if the model, the data or the checkpoint cannot be used, if
   *     the output holds a run that is not to be resumed, no run to resume, or files of others, or
   *     if a setting was changed that would lead to other results
   * @throws DivergenceException if a loss or gradient is not finite; the newest checkpoint stays
   * @throws IOException if a file cannot be read or written
   */
  public boolean run(boolean resume, TrainingProgress progress) throws IOException {
    Optional<Path> newest = checkpoints.newest();
    if (newest.isPresent() && !resume) {
      throw new IllegalArgumentException(
          "%s holds a run already (%s): pass --resume to go on from there, or choose another output"
              .formatted(output, newest.get()));
    }
    if (newest.isEmpty()) {
      if (RunDirectory.checkForFirstStep(output)) {
        log.warn("the run in {} ended before its first checkpoint: it starts over", output);
      } else if (resume) {
        throw new IllegalArgumentException(
            "no checkpoint in %s to resume from; leave out --resume to start"
                .formatted(output.resolve(CHECKPOINTS)));
      }
    }
    // Before anything slow: a setting that was changed is refused at once.
    Optional<Checkpoint.State> state = newest.map(path -> new Checkpoint(path).check(config));
    try (RunDirectory created = RunDirectory.create(output);
        TrainingModel model = TrainingModel.open(config);
        TrainingData data = TrainingData.open(config, model, badLines, output)) {
      ParameterLayout layout = ParameterLayout.of(model.graph());
      var trainer = new Trainer(model.graph(), data.training(), config.training());
      if (state.isPresent()) {
        data.require(state.get().data());
        new Checkpoint(newest.get())
            .restoreAll(layout, model.graph().params(), trainer.optimizer());
        trainer.resume(state.get());
      }
      if (model.adaptsAnotherConfig()) {
        log.warn(
            "rope or data.sequenceLength changes the base's config.json: it is written beside the"
                + " adapter, and PEFT needs the base under that file, or the merged export");
      }
      if (!train(trainer, layout, model.graph(), data, progress)) {
        return false;
      }
      WholeDirectory.write(
          output.resolve(MODEL),
          directory -> {
            if (model.trainsAdapters()) {
              model.saveAdapter(directory);
            } else {
              model.save(directory, TensorType.F32, HuggingFaceModel.DEFAULT_SHARD_BYTES);
            }
          });
      return true;
    }
  }

  /**
   * Writes the newest checkpoint of a run as a Hugging Face directory, finished or not. Adapters
   * are merged into the model they were trained on.
   *
   * @param run the run directory
   * @param target a directory that does not exist or is empty
   * @param type of the weights: F32, F16 or BF16
   * @param maxShardBytes most bytes of weights in one file
   * @throws IllegalArgumentException if there is no checkpoint, it cannot be used, or the target is
   *     there already
   * @throws IOException if a file cannot be read or written; then there is no target
   */
  public static void export(Path run, Path target, TensorType type, long maxShardBytes)
      throws IOException {
    export(
        run,
        target,
        (model, directory) -> model.save(directory, type, maxShardBytes),
        config -> {});
  }

  /**
   * Writes the adapters of the newest checkpoint of a run with {@code model.lora}, in PEFT's
   * format.
   *
   * @throws IllegalArgumentException as {@link #export}, or if the run trained a whole model
   * @throws IOException if a file cannot be read or written; then there is no target
   */
  public static void exportAdapter(Path run, Path target) throws IOException {
    export(
        run,
        target,
        TrainingModel::saveAdapter,
        config -> {
          if (config.model().lora() == null) {
            throw new IllegalArgumentException(
                run + " trained a whole model: it has no adapter to export by itself");
          }
        });
  }

  private interface Export {
    void write(TrainingModel model, Path directory) throws IOException;
  }

  private static void export(Path run, Path target, Export export, Consumer<RunConfig> check)
      throws IOException {
    Path newest =
        new Checkpoints(run.resolve(CHECKPOINTS))
            .newest()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        run + " has no checkpoint, and so nothing to export"));
    if (Files.exists(target)
        && !(Files.isDirectory(target) && MoreFiles.listFiles(target).isEmpty())) {
      throw new IllegalArgumentException(target + " is there already: choose another output");
    }
    var checkpoint = new Checkpoint(newest);
    RunConfig config = checkpoint.config();
    checkpoint.check(config);
    check.accept(config);
    try (TrainingModel model = TrainingModel.open(config)) {
      checkpoint.restoreParameters(ParameterLayout.of(model.graph()), model.graph().params());
      WholeDirectory.write(target, directory -> export.write(model, directory));
    }
  }

  private boolean train(
      Trainer trainer,
      ParameterLayout layout,
      ComputationGraph graph,
      TrainingData data,
      TrainingProgress progress)
      throws IOException {
    try (MetricsLog metrics = MetricsLog.open(output.resolve(METRICS), trainer.steps())) {
      WholeFile.write(
          output.resolve(Checkpoint.CONFIG), config.toYaml().getBytes(StandardCharsets.UTF_8));
      long steps = config.training().steps();
      long before = trainer.steps();
      long begin = System.nanoTime();
      if (before < steps && config.training().learningRates().endsDuringWarmup()) {
        log.warn(
            "training.schedule.warmupSteps is {} and training.steps {}: the run ends during its"
                + " warm-up, and the rate never reaches training.learningRate",
            config.training().schedule().warmupSteps(),
            steps);
      }
      progress.started(before, steps);
      while (trainer.steps() < steps) {
        StepMetrics step = step(trainer);
        metrics.step(step);
        double perStep = (System.nanoTime() - begin) / 1e9 / (step.step() - before);
        progress.step(step, steps, perStep * (steps - step.step()));
        boolean stop = progress.stopRequested();
        boolean due = step.step() % config.training().checkpointEvery() == 0;
        boolean regular = due || step.step() == steps;
        if (regular && data.validation().isPresent()) {
          // Not when asked to stop: an uninterrupted run would not have this line.
          double loss = Trainer.meanLoss(graph, data.validation().get());
          metrics.validation(step.step(), loss);
          progress.validated(step.step(), loss);
        }
        if (regular || stop) {
          metrics.force();
          progress.saved(step.step(), save(trainer, layout, graph, data));
        }
        if (stop && step.step() < steps) {
          return false;
        }
      }
      return true;
    }
  }

  private StepMetrics step(Trainer trainer) {
    try {
      return trainer.step();
    } catch (DivergenceException e) {
      throw new DivergenceException(
          "%s. %s. Try a lower training.learningRate (%s) or training.gradientClip (%s) in a new run."
              .formatted(
                  e.getMessage(),
                  checkpoints
                      .newest()
                      .map(path -> "The newest checkpoint is " + path)
                      .orElse("There is no checkpoint yet"),
                  config.training().learningRate(),
                  config.training().gradientClip()));
    }
  }

  private Path save(
      Trainer trainer, ParameterLayout layout, ComputationGraph graph, TrainingData data)
      throws IOException {
    var state =
        new Checkpoint.State(
            trainer.cursor(),
            trainer.steps(),
            data.fingerprint(),
            config.training().seed(),
            trainer.elapsedSeconds());
    return checkpoints.save(
        trainer.steps(),
        config.training().keepCheckpoints(),
        directory ->
            new Checkpoint(directory)
                .write(layout, graph.params(), trainer.optimizer(), config, state));
  }
}
