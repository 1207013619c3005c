package io.anchor4j.kernel;

import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Everything the ops compute. One call does a whole batch; implementations are stateless to their
 * caller and may be called from several threads.
 *
 * <p>Arguments are checked by the ops before they come here. Arrays may be views with any offset
 * and strides, inputs are not changed, outputs are overwritten whole and never overlap inputs.
 * Floating arrays of one call share one type, but that the weight of a product may be BFLOAT16
 * beside any other; computation is in float32 or better and in float64 for DOUBLE, and rounding to
 * the array's type comes last. A kernel that cannot honour an argument refuses by name ({@link
 * UnsupportedOperationException}); it never drops one.
 *
 * <p>Letters: B batch, H query heads, Hkv key/value heads, T tokens, D head dimension, N rows, C
 * channels, V vocabulary.
 */
public interface KernelProvider {

  /** The target of a row that does not count in the cross-entropy, as in Hugging Face. */
  int IGNORED_TARGET = -100;

  /** The name by which it is asked for. */
  String name();

  /** The name, with what a reader of a log wants to know beside it. */
  default String description() {
    return name();
  }

  /**
   * Computes attention.
   *
   * @param output [B, H, Tq, D]; a query that sees nothing gets 0
   * @param logSumExp [B, H, Tq], natural logarithm of the sum of exponentials of the scores a query
   *     sees, -infinity where it sees nothing; FLOAT, or DOUBLE for DOUBLE inputs
   */
  void attention(AttentionArguments arguments, INDArray output, INDArray logSumExp);

  /**
   * Computes the gradients of attention by going through the scores again.
   *
   * @param output what {@link #attention} gave
   * @param logSumExp what {@link #attention} gave
   * @param outputGradient [B, H, Tq, D]
   * @param queryGradient [B, H, Tq, D]
   * @param keyGradient [B, Hkv, Tk, D]
   * @param valueGradient [B, Hkv, Tk, D]
   */
  void attentionGradient(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient);

  /**
   * Rotates heads by position.
   *
   * @param inverse whether to apply the transposed rotation, which is the gradient
   * @param heads [B, H, T, D]
   * @param positions INT [B, T]
   * @param rotated [B, H, T, D]
   */
  void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated);

  /**
   * Divides each row by its root mean square and multiplies by the gain.
   *
   * @param input [..., C]
   * @param gain C elements
   * @param output [..., C]
   */
  void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output);

  /**
   * Computes the gradients of {@link #rmsNorm}, each of the shape of what it belongs to.
   *
   * @param gainGradient null if it is not wanted
   */
  void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient);

  /** Computes {@code silu(gate) * up}, all of one shape. */
  void gatedSilu(INDArray gate, INDArray up, INDArray output);

  /** Computes the gradients of {@link #gatedSilu}. */
  void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient);

  /**
   * Computes {@code input weight + bias}.
   *
   * @param input [..., in]
   * @param weight [in, out]
   * @param bias {@code out} elements, or null
   * @param output [..., out]
   */
  void linear(Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output);

  /** What a provider holds of weights, until it is closed. */
  interface HeldWeights extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Lets the provider keep what it prepares of weights (rounded, in the order that products want)
   * from one call of {@link #linear}, {@link #linearCrossEntropy} and their gradients to the next.
   * The caller promises that nothing changes them before the scope is closed: no provider could
   * notice. Scopes may be nested. Without one, every call prepares its weights anew.
   *
   * @param parameters what holds the weights, contiguous: views of it are kept, other weights not
   */
  default HeldWeights holdWeights(INDArray parameters) {
    return () -> {};
  }

  /**
   * Computes the gradients of {@link #linear}.
   *
   * @param weightGradient null if it is not wanted
   * @param biasGradient null if there is no bias, or it is not wanted
   */
  void linearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient);

  /**
   * Computes the cross-entropy of {@code softmax(hidden weight)} against integer targets without
   * ever holding all N x V logits.
   *
   * @param hidden [N, C]
   * @param weight [C, V]
   * @param targets INT [N], {@link #IGNORED_TARGET} where a row does not count
   * @param losses [N], -ln p(target), 0 where a row does not count; FLOAT, or DOUBLE for DOUBLE
   * @param logSumExp [N], of the logits, 0 where a row does not count; FLOAT, or DOUBLE for DOUBLE
   */
  void linearCrossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp);

  /**
   * Computes the gradients of {@link #linearCrossEntropy}.
   *
   * @param lossGradients [N], what each row's loss is weighted by
   * @param hiddenGradient [N, C]
   * @param weightGradient [C, V], null if it is not wanted
   */
  void linearCrossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient);

  /**
   * Updates parameters and moments in place by one step of AdamW, PyTorch's formula.
   *
   * @param parameters flat, as are the others and of the same length
   */
  void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment);

  /**
   * Returns the sum of squares, accumulated in double in an order that depends on the length alone,
   * so that equal arrays give equal bits.
   */
  double sumOfSquares(INDArray array);
}
