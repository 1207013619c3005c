package io.anchor4j.ops;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.kernel.KernelProvider;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * The gradients of {@link AnchorAttention} for query, key and value, each of its shape and type.
 *
 * <p>Inputs: the attention's output, its logSumExp and the gradient of the output, then the
 * attention's own three to five inputs.
 */
public final class AnchorAttentionGradient extends KernelOp {
  static final String NAME = "anchor_attention_gradient";

  /** Output, log-sum-exp and output gradient come before the attention's own inputs. */
  private static final int SAVED = 3;

  private AttentionConfig config;

  /** For ND4J. */
  public AnchorAttentionGradient() {}

  private AnchorAttentionGradient(SameDiff sameDiff, AttentionConfig config, SDVariable... inputs) {
    super(sameDiff, inputs);
    configure(config);
  }

  /**
   * Eager, into given arrays; parameters as in {@link KernelProvider#attentionGradient}.
   *
   * @throws IllegalArgumentException if the shapes or types do not fit together
   */
  public AnchorAttentionGradient(
      AttentionConfig config,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    super(
        new INDArray[] {output, logSumExp, outputGradient, query, key, value, documents, positions},
        new INDArray[] {queryGradient, keyGradient, valueGradient});
    configure(config);
  }

  private void configure(AttentionConfig config) {
    this.config = config;
    addSArgument(config.toJson());
  }

  /** Returns the gradients of all inputs of {@code attention}; those of integers are zero. */
  static List<SDVariable> of(
      AnchorAttention attention, AttentionConfig config, SDVariable outputGradient) {
    SDVariable[] outputs = attention.outputVariables();
    SDVariable[] inputs = attention.args();
    var all = new ArrayList<SDVariable>(List.of(outputs[0], outputs[1], outputGradient));
    all.addAll(Arrays.asList(inputs));
    SameDiff graph = attention.getSameDiff();
    var gradient = new AnchorAttentionGradient(graph, config, all.toArray(SDVariable[]::new));
    var gradients = new ArrayList<>(Arrays.asList(gradient.outputVariables()));
    for (int i = gradients.size(); i < inputs.length; i++) {
      gradients.add(graph.zerosLike(inputs[i]));
    }
    return gradients;
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
    return 3;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return typesOf(inputs, SAVED, SAVED + 1, SAVED + 2);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    List<LongShapeDescriptor> saved =
        AnchorAttention.outputs(NAME, config, inputs.subList(SAVED, inputs.size()));
    checkFits("the output", inputs.get(0), saved.get(0));
    checkFits("logSumExp", inputs.get(1), saved.get(1));
    checkFits("the output's gradient", inputs.get(2), saved.get(0));
    return List.of(
        like(inputs.get(SAVED)), like(inputs.get(SAVED + 1)), like(inputs.get(SAVED + 2)));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.attentionGradient(
        AnchorAttention.arguments(NAME, config, inputs.subList(SAVED, inputs.size())),
        inputs.get(0),
        inputs.get(1),
        inputs.get(2),
        outputs.get(0),
        outputs.get(1),
        outputs.get(2));
  }
}
