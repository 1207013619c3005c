package io.anchor4j.training;

import java.nio.file.Path;

/** Follows a run, and may ask it to stop. All calls come from the thread that trains. */
public interface TrainingProgress {
  /** Follows nothing and never stops. */
  TrainingProgress NONE = new TrainingProgress() {};

  /**
   * The first step is about to begin.
   *
   * @param done steps that were made before, more than 0 if the run goes on from a checkpoint
   * @param steps of the whole run
   */
  default void started(long done, long steps) {}

  /**
   * A step was made.
   *
   * @param steps of the whole run
   * @param secondsLeft until the end of the run, at the speed of the steps so far
   */
  default void step(StepMetrics metrics, long steps, double secondsLeft) {}

  /**
   * The validation data was scored.
   *
   * @param loss mean over all its targets that count
   */
  default void validated(long step, double loss) {}

  /** A checkpoint is on the disk. */
  default void saved(long step, Path checkpoint) {}

  /** Returns whether to write a checkpoint after this step and end; asked after every step. */
  default boolean stopRequested() {
    return false;
  }
}
