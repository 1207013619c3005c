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
 * Computes {@code silu(gate) * up}, the gate of a SwiGLU feed-forward layer; silu(x) = x
 * sigmoid(x). Inputs and result have one shape and floating type.
 *
 * @see <a href="https://arxiv.org/abs/2002.05202">Shazeer 2020</a>
 */
public final class GatedSilu extends KernelOp {
  static final String NAME = "anchor_gated_silu";

  /** For ND4J. */
  public GatedSilu() {}

  /** In a graph. */
  public GatedSilu(SameDiff sameDiff, SDVariable gate, SDVariable up) {
    super(sameDiff, gate, up);
  }

  /**
   * Eager, into a given array.
   *
   * @param output null to have it allocated
   */
  public GatedSilu(INDArray gate, INDArray up, INDArray output) {
    super(new INDArray[] {gate, up}, new INDArray[] {output});
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
  static LongShapeDescriptor output(KernelOp op, INDArray gate, INDArray up) {
    op.check(
        Arrays.equals(gate.shape(), up.shape())
            && gate.dataType() == up.dataType()
            && gate.dataType().isFPType(),
        "gate and up must have one shape and floating type, got %s %s and %s %s",
        gate.dataType(),
        Arrays.toString(gate.shape()),
        up.dataType(),
        Arrays.toString(up.shape()));
    return like(gate);
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.gatedSilu(inputs.get(0), inputs.get(1), outputs.get(0));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    var gradient = new GatedSiluGradient(sameDiff, arg(0), arg(1), gradients.get(0));
    return Arrays.asList(gradient.outputVariables());
  }
}
