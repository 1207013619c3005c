package io.anchor4j.ops;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * The gradients of {@link MixedLinear} for input, weight and, where there is one, bias, each of its
 * shape and type.
 */
public final class MixedLinearGradient extends KernelOp {
  static final String NAME = "anchor_mixed_linear_gradient";

  private Precision precision;
  private boolean biased;

  /** For ND4J. */
  public MixedLinearGradient() {}

  MixedLinearGradient(
      SameDiff sameDiff,
      Precision precision,
      SDVariable input,
      SDVariable weight,
      SDVariable outputGradient,
      SDVariable bias) {
    super(sameDiff, input, weight, outputGradient, bias);
    configure(precision, bias != null);
  }

  /**
   * Eager, into given arrays.
   *
   * @param biasGradient null if there is no bias
   */
  public MixedLinearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    super(
        // The bias itself is not needed, only where its gradient goes.
        new INDArray[] {input, weight, outputGradient},
        new INDArray[] {inputGradient, weightGradient, biasGradient});
    configure(precision, biasGradient != null);
  }

  private void configure(Precision precision, boolean biased) {
    this.precision = precision;
    this.biased = biased;
    addSArgument(precision.name());
    addBArgument(biased);
  }

  @Override
  public void configureFromArguments() {
    precision = Precision.valueOf(getSArgument(0));
    biased = getBArgument(0);
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return biased ? 3 : 2;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return biased ? typesOf(inputs, 0, 1, 1) : typesOf(inputs, 0, 1);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    INDArray input = inputs.get(0);
    INDArray weight = inputs.get(1);
    checkFits("the output's gradient", inputs.get(2), MixedLinear.output(this, input, weight));
    if (!biased) {
      return List.of(like(input), like(weight));
    }
    // Eager, the bias is not given: its gradient says what shape it has.
    INDArray bias = inputs.size() > 3 ? inputs.get(3) : outputArguments().get(2);
    check(
        bias.length() == weight.size(1) && bias.dataType() == weight.dataType(),
        "bias must have out=%s elements of %s, got %s %s",
        weight.size(1),
        weight.dataType(),
        bias.dataType(),
        Arrays.toString(bias.shape()));
    return List.of(like(input), like(weight), like(bias));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.linearGradient(
        precision,
        inputs.get(0),
        inputs.get(1),
        inputs.get(2),
        outputs.get(0),
        outputs.get(1),
        optional(outputs, 2));
  }
}
