package io.anchor4j.samples.demo;

import io.anchor4j.data.BadLines;
import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.TrainingDisplay;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.StepMetrics;
import io.anchor4j.training.TrainingProgress;
import io.anchor4j.training.TrainingRun;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The demo's training runs: the same run files that {@code anchor4j train} takes. */
final class DemoRuns {
  private static final int WARM_UP_STEPS = 3;
  private static final int TIMED_STEPS = 4;

  private final Console console;
  private final DemoDirectory directory;

  DemoRuns(Console console, DemoDirectory directory) {
    this.console = console;
    this.directory = directory;
  }

  static Path packed(DemoDirectory directory, int length) {
    return directory.data().resolve("train-" + length + ".jsonl");
  }

  /** Copies a run file out of the resources, where a user can read it. */
  Path writeRunFile(String name) throws IOException {
    Path file = Files.createDirectories(directory.runFiles()).resolve(name);
    try (InputStream in = DemoRuns.class.getResourceAsStream(name)) {
      Files.copy(in, file);
    }
    return file;
  }

  List<String> shortSettings() {
    return List.of(
        "model.tokenizer=" + directory.tokenizer(),
        "data.train=[" + packed(directory, Demo.SHORT_LENGTH) + "]");
  }

  List<String> extendSettings(String mask) {
    return List.of(
        "model.path=" + directory.model("short"),
        "attention.mask=" + mask,
        "data.train=[" + packed(directory, Demo.LONG_LENGTH) + "]");
  }

  /** Trains {@code steps} steps into the run directory {@code name}. */
  void train(Path runFile, String name, String task, int steps, List<String> settings)
      throws IOException {
    RunConfig config = config(runFile, directory.run(name), steps, settings);
    try (var display =
        new TrainingDisplay(console, "    " + task) {
          @Override
          public void saved(long step, Path checkpoint) {} // not what the demo is about
        }) {
      new TrainingRun(config, BadLines.refuse()).run(false, display);
    }
  }

  /** Returns how long a step of such a run takes, once Java has compiled what it runs. */
  double timeSteps(Path runFile, List<String> settings) throws IOException {
    DemoDirectory.delete(directory.trial());
    int steps = WARM_UP_STEPS + TIMED_STEPS;
    var ends = new double[steps + 1];
    // One step more than is timed: the run stops before its end and writes no model.
    RunConfig config = config(runFile, directory.trial(), steps + 1, settings);
    new TrainingRun(config, BadLines.refuse())
        .run(
            false,
            new TrainingProgress() {
              private long step;

              @Override
              public void step(StepMetrics metrics, long ofSteps, double secondsLeft) {
                step = metrics.step();
                ends[(int) step] = metrics.elapsedSeconds();
              }

              @Override
              public boolean stopRequested() {
                return step == steps;
              }
            });
    return (ends[steps] - ends[WARM_UP_STEPS]) / TIMED_STEPS;
  }

  private static RunConfig config(Path runFile, Path output, int steps, List<String> settings) {
    var all = new ArrayList<>(settings);
    all.add("output=" + output);
    all.add("training.steps=" + steps);
    all.add("training.schedule.warmupSteps=" + steps / 10);
    all.add("training.checkpointEvery=" + steps);
    all.add("training.keepCheckpoints=1");
    return RunConfig.read(runFile, all);
  }
}
