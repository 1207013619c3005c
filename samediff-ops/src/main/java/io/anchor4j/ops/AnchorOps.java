package io.anchor4j.ops;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One method an op, for arrays (computed at once) and for variables (added to their graph).
 *
 * <p>Shapes, types and errors are those of the op class that each method names. In a graph the
 * result can be named with {@link SDVariable#rename}.
 */
public final class AnchorOps {
  private AnchorOps() {}

  /** Causal attention without documents, see {@link AnchorAttention}. */
  public static SDVariable attention(
      AttentionConfig config, SDVariable query, SDVariable key, SDVariable value) {
    return attention(config, query, key, value, null, null);
  }

  /** See {@link AnchorAttention}; {@code documents} and {@code positions} may be null. */
  public static SDVariable attention(
      AttentionConfig config,
      SDVariable query,
      SDVariable key,
      SDVariable value,
      SDVariable documents,
      SDVariable positions) {
    return new AnchorAttention(query.getSameDiff(), config, query, key, value, documents, positions)
        .outputVariables()[0];
  }

  /** See {@link AnchorAttention}; {@code documents} and {@code positions} may be null. */
  public static INDArray attention(
      AttentionConfig config,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions) {
    return Nd4j.exec(
        new AnchorAttention(config, query, key, value, documents, positions, null, null))[0];
  }

  /** See {@link RotaryEmbedding}. */
  public static SDVariable rotaryEmbedding(
      RotaryConfig config, SDVariable heads, SDVariable positions) {
    return new RotaryEmbedding(
            heads.getSameDiff(), config, RotaryEmbedding.Direction.FORWARD, heads, positions)
        .outputVariable();
  }

  /** See {@link RotaryEmbedding}. */
  public static INDArray rotaryEmbedding(RotaryConfig config, INDArray heads, INDArray positions) {
    return Nd4j.exec(
        new RotaryEmbedding(config, RotaryEmbedding.Direction.FORWARD, heads, positions, null))[0];
  }

  /** See {@link RmsNorm}. */
  public static SDVariable rmsNorm(double epsilon, SDVariable input, SDVariable gain) {
    return new RmsNorm(input.getSameDiff(), epsilon, input, gain).outputVariable();
  }

  /** See {@link RmsNorm}. */
  public static INDArray rmsNorm(double epsilon, INDArray input, INDArray gain) {
    return Nd4j.exec(new RmsNorm(epsilon, input, gain, null))[0];
  }

  /** See {@link GatedSilu}. */
  public static SDVariable gatedSilu(SDVariable gate, SDVariable up) {
    return new GatedSilu(gate.getSameDiff(), gate, up).outputVariable();
  }

  /** See {@link GatedSilu}. */
  public static INDArray gatedSilu(INDArray gate, INDArray up) {
    return Nd4j.exec(new GatedSilu(gate, up, null))[0];
  }

  /** See {@link MixedLinear}; {@code bias} may be null. */
  public static SDVariable mixedLinear(
      Precision precision, SDVariable input, SDVariable weight, SDVariable bias) {
    return new MixedLinear(input.getSameDiff(), precision, input, weight, bias).outputVariable();
  }

  /** See {@link MixedLinear}; {@code bias} may be null. */
  public static INDArray mixedLinear(
      Precision precision, INDArray input, INDArray weight, INDArray bias) {
    return Nd4j.exec(new MixedLinear(precision, input, weight, bias, null))[0];
  }

  /** The losses of each row, see {@link LinearCrossEntropy}. */
  public static SDVariable linearCrossEntropy(
      Precision precision, SDVariable hidden, SDVariable weight, SDVariable targets) {
    return new LinearCrossEntropy(hidden.getSameDiff(), precision, hidden, weight, targets)
        .outputVariables()[0];
  }

  /** The losses of each row, see {@link LinearCrossEntropy}. */
  public static INDArray linearCrossEntropy(
      Precision precision, INDArray hidden, INDArray weight, INDArray targets) {
    return Nd4j.exec(new LinearCrossEntropy(precision, hidden, weight, targets, null, null))[0];
  }
}
