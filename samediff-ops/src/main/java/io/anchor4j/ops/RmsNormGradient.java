package io.anchor4j.ops;

import io.anchor4j.kernel.KernelProvider;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * The gradients of {@link RmsNorm} for input and, unless it is frozen, gain, each of its shape and
 * type.
 */
public final class RmsNormGradient extends KernelOp {
  static final String NAME = "anchor_rms_norm_gradient";

  private double epsilon;
  private boolean frozen;

  /** For ND4J. */
  public RmsNormGradient() {}

  RmsNormGradient(
      SameDiff sameDiff,
      double epsilon,
      SDVariable input,
      SDVariable gain,
      SDVariable outputGradient) {
    super(sameDiff, input, gain, outputGradient);
    configure(epsilon, false);
  }

  /**
   * Eager, into given arrays.
   *
   * @param gainGradient null if the gain is frozen: its gradient is not computed
   */
  public RmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    super(
        new INDArray[] {input, gain, outputGradient}, new INDArray[] {inputGradient, gainGradient});
    configure(epsilon, gainGradient == null);
  }

  private void configure(double epsilon, boolean frozen) {
    this.epsilon = epsilon;
    this.frozen = frozen;
    addTArgument(epsilon);
    addBArgument(frozen);
  }

  @Override
  public void configureFromArguments() {
    epsilon = getTArgument(0);
    frozen = getBArgument(0);
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return frozen ? 1 : 2;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return frozen ? typesOf(inputs, 0) : typesOf(inputs, 0, 1);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    LongShapeDescriptor output = RmsNorm.output(this, inputs.get(0), inputs.get(1));
    checkFits("the output's gradient", inputs.get(2), output);
    return frozen ? List.of(output) : List.of(output, like(inputs.get(1)));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.rmsNormGradient(
        epsilon, inputs.get(0), inputs.get(1), inputs.get(2), outputs.get(0), optional(outputs, 1));
  }
}
