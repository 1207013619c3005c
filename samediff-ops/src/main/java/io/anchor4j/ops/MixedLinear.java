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
 *   <li>{@code weight} [in, out], the same type or, in half the memory of FLOAT, BFLOAT16
 *   <li>{@code bias} {@code out} elements, optional, the type of {@code input}
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
    LongShapeDescriptor output = output(this, inputs.get(0), inputs.get(1));
    INDArray bias = optional(inputs, 2);
    if (bias != null) {
      checkBias(this, bias, inputs.get(0), inputs.get(1));
    }
    return List.of(output);
  }

  /** Checks the inputs, which are its gradient's too, and returns the output's form. */
  static LongShapeDescriptor output(KernelOp op, INDArray input, INDArray weight) {
    op.check(
        input.rank() >= 2 && weight.rank() == 2 && input.size(-1) == weight.size(0),
        "input must be [..., in] and weight [in, out], got %s and %s",
        Arrays.toString(input.shape()),
        Arrays.toString(weight.shape()));
    checkTypes(op, "input", input, weight);
    long[] shape = input.shape().clone();
    shape[shape.length - 1] = weight.size(1);
    return descriptor(input.dataType(), shape);
  }

  /** Checks that a product of activations with a weight is one that providers compute. */
  static void checkTypes(KernelOp op, String name, INDArray activations, INDArray weight) {
    op.check(
        activations.dataType().isFPType()
            && (weight.dataType() == activations.dataType()
                || weight.dataType() == DataType.BFLOAT16),
        "%s and weight must have one floating type, or the weight BFLOAT16, got %s and %s",
        name,
        activations.dataType(),
        weight.dataType());
  }

  static void checkBias(KernelOp op, INDArray bias, INDArray input, INDArray weight) {
    op.check(
        bias.length() == weight.size(1) && bias.dataType() == input.dataType(),
        "bias must have out=%s elements of %s, got %s %s",
        weight.size(1),
        input.dataType(),
        bias.dataType(),
        Arrays.toString(bias.shape()));
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
