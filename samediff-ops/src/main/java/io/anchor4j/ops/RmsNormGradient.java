package io.anchor4j.ops;

import io.anchor4j.kernel.KernelProvider;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/** The gradients of {@link RmsNorm} for input and gain, each of its shape and type. */
public final class RmsNormGradient extends KernelOp {
  static final String NAME = "anchor_rms_norm_gradient";

  private double epsilon;

  /** For ND4J. */
  public RmsNormGradient() {}

  RmsNormGradient(
      SameDiff sameDiff,
      double epsilon,
      SDVariable input,
      SDVariable gain,
      SDVariable outputGradient) {
    super(sameDiff, input, gain, outputGradient);
    configure(epsilon);
  }

  /** Eager, into given arrays. */
  public RmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    super(
        new INDArray[] {input, gain, outputGradient}, new INDArray[] {inputGradient, gainGradient});
    configure(epsilon);
  }

  private void configure(double epsilon) {
    this.epsilon = epsilon;
    addTArgument(epsilon);
  }

  @Override
  public void configureFromArguments() {
    epsilon = getTArgument(0);
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
    return typesOf(inputs, 0, 1);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    LongShapeDescriptor output = RmsNorm.output(this, inputs.get(0), inputs.get(1));
    checkFits("the output's gradient", inputs.get(2), output);
    return List.of(output, like(inputs.get(1)));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.rmsNormGradient(
        epsilon, inputs.get(0), inputs.get(1), inputs.get(2), outputs.get(0), outputs.get(1));
  }
}
