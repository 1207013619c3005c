package io.anchor4j.ops;

import io.anchor4j.kernel.KernelProvider;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * Divides each row by its root mean square and multiplies by a gain.
 *
 * <p>{@code y = x / sqrt(mean(x^2) + epsilon) * gain}, in float32 or better.
 *
 * <ul>
 *   <li>{@code input} [..., C], any floating type
 *   <li>{@code gain} C elements (any shape), the same type
 *   <li>result, the shape and type of {@code input}
 * </ul>
 *
 * @see <a href="https://arxiv.org/abs/1910.07467">Zhang and Sennrich 2019</a>
 */
public final class RmsNorm extends KernelOp {
  static final String NAME = "anchor_rms_norm";

  private double epsilon;

  /** For ND4J. */
  public RmsNorm() {}

  /** In a graph. */
  public RmsNorm(SameDiff sameDiff, double epsilon, SDVariable input, SDVariable gain) {
    super(sameDiff, input, gain);
    configure(epsilon);
  }

  /**
   * Eager, into a given array.
   *
   * @param output null to have it allocated
   */
  public RmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    super(new INDArray[] {input, gain}, new INDArray[] {output});
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
    return 1;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return typesOf(inputs, 0);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    return List.of(output(this, inputs.get(0), inputs.get(1)));
  }

  /** Checks the inputs, which are its gradient's too, and returns the output's form. */
  static LongShapeDescriptor output(KernelOp op, INDArray input, INDArray gain) {
    op.check(
        input.rank() >= 1 && gain.length() == input.size(-1),
        "gain must have as many elements as the input has channels, got %s and %s",
        Arrays.toString(gain.shape()),
        Arrays.toString(input.shape()));
    op.check(
        input.dataType().isFPType() && gain.dataType() == input.dataType(),
        "input and gain must have one floating type, got %s and %s",
        input.dataType(),
        gain.dataType());
    return like(input);
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.rmsNorm(epsilon, inputs.get(0), inputs.get(1), outputs.get(0));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    var gradient = new RmsNormGradient(sameDiff, epsilon, arg(0), arg(1), gradients.get(0));
    return Arrays.asList(gradient.outputVariables());
  }
}
