package io.anchor4j.training;

/**
 * What one update came to: a line of metrics.jsonl.
 *
 * @param step from 1
 * @param loss mean over all targets of the step that count, before the update, in nats
 * @param learningRate used in this step
 * @param gradientNorm global, before clipping
 * @param tokensPerSecond tokens of the step that are not padding, over the time it took
 * @param elapsedSeconds since the run began, without the time between a stop and a resumption
 */
public record StepMetrics(
    long step,
    double loss,
    double learningRate,
    double gradientNorm,
    double tokensPerSecond,
    double elapsedSeconds) {}
