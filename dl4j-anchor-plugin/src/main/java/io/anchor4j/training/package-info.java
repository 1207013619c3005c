/**
 * Training: the run file, the loop, AdamW, the learning rate, checkpoints and metrics.
 *
 * <p>Start at {@link io.anchor4j.training.TrainingRun}, which does what a run file says in a run
 * directory, or at {@link io.anchor4j.training.Trainer}, the loop without files.
 *
 * <ul>
 *   <li>Settings: {@link io.anchor4j.training.RunConfig}.
 *   <li>A step: {@link io.anchor4j.training.LearningRateSchedule}, {@link
 *       io.anchor4j.training.AdamW}, {@link io.anchor4j.training.StepMetrics}.
 *   <li>Watching and ending a run: {@link io.anchor4j.training.TrainingProgress}, {@link
 *       io.anchor4j.training.DivergenceException}.
 *   <li>Measuring: {@link io.anchor4j.training.PositionLosses}.
 * </ul>
 *
 * <p>Unless a method says otherwise, no argument and no result is null.
 */
package io.anchor4j.training;
