package io.anchor4j.kernel;

/**
 * The numbers of one AdamW update.
 *
 * @param learningRate rate of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the corrected second moment
 * @param weightDecay decoupled decay: parameters shrink by {@code learningRate * weightDecay}
 * @param step counts from 1, for bias correction
 * @param gradientScale what gradients are multiplied by first (clipping)
 * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter</a>
 */
public record AdamWStep(
    double learningRate,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    long step,
    double gradientScale) {

  /** Returns 1 - beta1^step. */
  public double firstCorrection() {
    return 1 - Math.pow(beta1, (double) step);
  }

  /** Returns 1 - beta2^step. */
  public double secondCorrection() {
    return 1 - Math.pow(beta2, (double) step);
  }
}
