package io.anchor4j.ops;

import io.anchor4j.kernel.KernelProvider;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/** The gradients of {@link GatedSilu} for gate and up. */
public final class GatedSiluGradient extends KernelOp {
  static final String NAME = "anchor_gated_silu_gradient";

  /** For ND4J. */
  public GatedSiluGradient() {}

  GatedSiluGradient(SameDiff sameDiff, SDVariable gate, SDVariable up, SDVariable outputGradient) {
    super(sameDiff, gate, up, outputGradient);
  }

  /** Eager, into given arrays. */
  public GatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    super(new INDArray[] {gate, up, outputGradient}, new INDArray[] {gateGradient, upGradient});
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
    LongShapeDescriptor output = GatedSilu.output(this, inputs.get(0), inputs.get(1));
    checkFits("the output's gradient", inputs.get(2), output);
    return List.of(output, output);
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.gatedSiluGradient(
        inputs.get(0), inputs.get(1), inputs.get(2), outputs.get(0), outputs.get(1));
  }
}
