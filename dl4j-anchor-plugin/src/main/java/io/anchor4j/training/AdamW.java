package io.anchor4j.training;

import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.KernelProvider;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * AdamW as PyTorch's {@code AdamW(model.parameters())}: decay is decoupled from the gradient and
 * falls on every parameter, norms and biases too, and epsilon is added after the correction of the
 * second moment's root.
 *
 * <p>Works on all parameters of a network as one flat vector [N], FLOAT, and owns the two moments.
 *
 * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter</a>
 */
public final class AdamW {
  private final KernelProvider kernels;
  private final RunConfig.Adamw settings;
  private final INDArray firstMoment;
  private final INDArray secondMoment;
  private long updates;

  /**
   * Begins with zero moments.
   *
   * @param parameters N, the number of parameters
   */
  public AdamW(KernelProvider kernels, RunConfig.Adamw settings, long parameters) {
    this.kernels = kernels;
    this.settings = settings;
    firstMoment = Nd4j.zeros(DataType.FLOAT, parameters);
    secondMoment = Nd4j.zeros(DataType.FLOAT, parameters);
  }

  /**
   * Makes one update in place.
   *
   * @param parameters [N], FLOAT
   * @param gradients [N], FLOAT; not changed
   * @param learningRate of this update
   * @param gradientScale what gradients are multiplied by first, see {@link #clippingScale}
   */
  public void update(
      INDArray parameters, INDArray gradients, double learningRate, double gradientScale) {
    updates++;
    var step =
        new AdamWStep(
            learningRate,
            settings.beta1(),
            settings.beta2(),
            settings.epsilon(),
            settings.weightDecay(),
            updates,
            gradientScale);
    kernels.adamW(step, parameters, gradients, firstMoment, secondMoment);
  }

  /**
   * Returns what gradients of global norm {@code norm} are to be multiplied by so that it is at
   * most {@code largest}, by the formula of {@code torch.nn.utils.clip_grad_norm_}.
   *
   * @param largest null for no limit
   */
  public static double clippingScale(double norm, Double largest) {
    return largest == null ? 1 : Math.min(1, largest / (norm + 1e-6));
  }

  /** Returns the running mean of gradients [N]; what is written to it counts in the next update. */
  public INDArray firstMoment() {
    return firstMoment;
  }

  /** Returns the running mean of squared gradients [N], as {@link #firstMoment} does. */
  public INDArray secondMoment() {
    return secondMoment;
  }

  /** Returns the number of updates made. */
  public long updates() {
    return updates;
  }

  /** Sets the number of updates made, for moments that were restored. */
  public void restoreUpdates(long updates) {
    this.updates = updates;
  }
}
