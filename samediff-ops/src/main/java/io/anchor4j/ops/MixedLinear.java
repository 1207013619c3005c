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
 * Computes {@code input weight + bias} at a chosen precision of the product.
 *
 * <ul>
 *   <li>{@code input} [..., in], any floating type
 *   <li>{@code weight} [in, out], the same type
 *   <li>{@code bias} {@code out} elements, optional, the same type
 *   <li>result [..., out], the same type
 * </ul>
 */
public final class MixedLinear extends KernelOp {
  static final String NAME = "anchor_mixed_linear";

  private Precision precision;

  /** For ND4J. */
  public MixedLinear() {}

  /** In a graph; {@code bias} may be null. */
  public MixedLinear(
      SameDiff sameDiff,
      Precision precision,
      SDVariable input,
      SDVariable weight,
      SDVariable bias) {
    super(sameDiff, input, weight, bias);
    configure(precision);
  }

  /**
   * Eager, into a given array.
   *
   * @param bias may be null
   * @param output null to have it allocated
   */
  public MixedLinear(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    super(new INDArray[] {input, weight, bias}, new INDArray[] {output});
    configure(precision);
  }

  private void configure(Precision precision) {
    this.precision = precision;
    addSArgument(precision.name());
  }

  @Override
  public void configureFromArguments() {
    precision = Precision.valueOf(getSArgument(0));
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return 1;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return typesOf(inputs, 0);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    INDArray weight = inputs.get(1);
    INDArray bias = optional(inputs, 2);
    LongShapeDescriptor output = output(this, inputs.get(0), weight);
    check(
        bias == null || (bias.length() == weight.size(1) && bias.dataType() == weight.dataType()),
        "bias must have out=%s elements of %s, got %s",
        weight.size(1),
        weight.dataType(),
        bias == null ? null : bias.dataType() + " " + Arrays.toString(bias.shape()));
    return List.of(output);
  }

  /** Checks the inputs, which are its gradient's too, and returns the output's form. */
  static LongShapeDescriptor output(KernelOp op, INDArray input, INDArray weight) {
    op.check(
        input.rank() >= 2 && weight.rank() == 2 && input.size(-1) == weight.size(0),
        "input must be [..., in] and weight [in, out], got %s and %s",
        Arrays.toString(input.shape()),
        Arrays.toString(weight.shape()));
    op.check(
        input.dataType().isFPType() && weight.dataType() == input.dataType(),
        "input and weight must have one floating type, got %s and %s",
        input.dataType(),
        weight.dataType());
    long[] shape = input.shape().clone();
    shape[shape.length - 1] = weight.size(1);
    return descriptor(input.dataType(), shape);
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.linear(precision, inputs.get(0), inputs.get(1), optional(inputs, 2), outputs.get(0));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    SDVariable bias = args().length > 2 ? arg(2) : null;
    var gradient =
        new MixedLinearGradient(sameDiff, precision, arg(0), arg(1), gradients.get(0), bias);
    return Arrays.asList(gradient.outputVariables());
  }
}
