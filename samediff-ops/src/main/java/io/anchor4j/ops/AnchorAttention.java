package io.anchor4j.ops;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * Attention over packed documents, with rotary embedding, ALiBi, a window and the anchor mask.
 *
 * <p>Computes {@code softmax(scale * rope(q) rope(k)^T + alibi, masked) v} without storing anything
 * of size T x T; the gradient goes through the scores again from the saved log-sum-exp. Rotary
 * embedding is part of the op so that no rounding comes between rotation and score.
 *
 * <p>B batch, H query heads, Hkv key/value heads (H is a multiple), Tk tokens, Tq the last of them
 * that ask (all in training), D head dimension:
 *
 * <ul>
 *   <li>{@code query} [B, H, Tq, D], any floating type
 *   <li>{@code key}, {@code value} [B, Hkv, Tk, D], the same type
 *   <li>{@code documents} INT [B, Tk], optional: 0 anchor, n document n, -1 padding; see {@link
 *       io.anchor4j.attention.AttentionMask}
 *   <li>{@code positions} INT [B, Tk], optional (then 0 to Tk - 1), any integers
 *   <li>output [B, H, Tq, D], the type of {@code query}; 0 for padding
 *   <li>logSumExp [B, H, Tq], FLOAT (DOUBLE for DOUBLE inputs), for the gradient; nothing flows
 *       back through it
 * </ul>
 *
 * @see <a href="https://arxiv.org/abs/2411.13476">AnchorAttention</a>
 * @see <a href="https://arxiv.org/abs/2205.14135">FlashAttention: softmax by blocks</a>
 */
public final class AnchorAttention extends KernelOp {
  static final String NAME = "anchor_attention";

  private AttentionConfig config;

  /** For ND4J. */
  public AnchorAttention() {}

  /** In a graph; {@code documents} and {@code positions} may be null, the first only with both. */
  public AnchorAttention(
      SameDiff sameDiff,
      AttentionConfig config,
      SDVariable query,
      SDVariable key,
      SDVariable value,
      SDVariable documents,
      SDVariable positions) {
    super(sameDiff, query, key, value, documents, positions);
    configure(config, documents == null && positions != null);
  }

  /**
   * Eager, into given arrays.
   *
   * @param output null to have both outputs allocated
   * @throws IllegalArgumentException if the shapes or types do not fit together
   */
  public AnchorAttention(
      AttentionConfig config,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions,
      INDArray output,
      INDArray logSumExp) {
    super(
        new INDArray[] {query, key, value, documents, positions},
        new INDArray[] {output, logSumExp});
    configure(config, documents == null && positions != null);
    AttentionShapes.of(opName(), query, key, value, documents, positions, config);
  }

  private void configure(AttentionConfig config, boolean positionsAlone) {
    if (positionsAlone) {
      throw new IllegalArgumentException(
          NAME + ": positions need documents: give document 1 for every token of a plain row.");
    }
    this.config = config;
    addSArgument(config.toJson());
  }

  @Override
  public void configureFromArguments() {
    config = AttentionConfig.fromJson(getSArgument(0));
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return 2;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return List.of(inputs.get(0), statistics(inputs.get(0)));
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    return outputs(NAME, config, inputs);
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.attention(arguments(NAME, config, inputs), outputs.get(0), outputs.get(1));
  }

  /** Checks the inputs, which are its gradient's too, and returns the forms of the outputs. */
  static List<LongShapeDescriptor> outputs(
      String op, AttentionConfig config, List<INDArray> inputs) {
    INDArray query = inputs.get(0);
    AttentionShapes.of(
        op, query, inputs.get(1), inputs.get(2), optional(inputs, 3), optional(inputs, 4), config);
    DataType type = statistics(query.dataType());
    return List.of(like(query), descriptor(type, query.size(0), query.size(1), query.size(2)));
  }

  static AttentionArguments arguments(String op, AttentionConfig config, List<INDArray> inputs) {
    return AttentionArguments.of(
        op,
        config,
        inputs.get(0),
        inputs.get(1),
        inputs.get(2),
        optional(inputs, 3),
        optional(inputs, 4));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    return AnchorAttentionGradient.of(this, config, gradients.get(0));
  }
}
