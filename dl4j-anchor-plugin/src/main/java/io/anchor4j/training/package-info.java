/**
 * Training: the run file, the loop, AdamW, the learning rate, checkpoints and metrics.
 *
 * <p>Start at {@link io.anchor4j.training.RunConfig}, the run file.
 */
package io.anchor4j.training;
