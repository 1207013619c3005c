package io.anchor4j.samples.report;

import io.anchor4j.training.StepMetrics;
import io.anchor4j.training.TrainingProgress;
import java.nio.file.Path;
import java.util.Locale;

/** Shows a training run on the console: loss, speed and the time left. */
public class TrainingDisplay implements TrainingProgress, AutoCloseable {
  private final Console console;
  private final String task;
  private Progress progress;

  /**
   * Shows a run under a name.
   *
   * @param task one or two words
   */
  public TrainingDisplay(Console console, String task) {
    this.console = console;
    this.task = task;
  }

  @Override
  public void started(long done, long steps) {
    progress = console.progress(task, done, steps);
  }

  @Override
  public void step(StepMetrics metrics, long steps, double secondsLeft) {
    progress.step(
        metrics.step(),
        String.format(
            Locale.ROOT, "loss %.3f, %,.0f tokens/s", metrics.loss(), metrics.tokensPerSecond()));
  }

  @Override
  public void validated(long step, double loss) {
    note(String.format(Locale.ROOT, "step %d: validation loss %.4f", step, loss));
  }

  @Override
  public void saved(long step, Path checkpoint) {
    note("step " + step + ": saved " + checkpoint);
  }

  /** A bar is one line that is redrawn: a note of its own would break it in two. */
  private void note(String line) {
    if (!console.terminal()) {
      console.note(line);
    }
  }

  @Override
  public void close() {
    if (progress != null) {
      progress.close();
    }
  }
}
