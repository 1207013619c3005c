package io.anchor4j.ops;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * The gradients of {@link LinearCrossEntropy} for hidden and weight, each of its shape and type.
 */
public final class LinearCrossEntropyGradient extends KernelOp {
  static final String NAME = "anchor_linear_cross_entropy_gradient";

  private Precision precision;

  /** For ND4J. */
  public LinearCrossEntropyGradient() {}

  LinearCrossEntropyGradient(SameDiff sameDiff, Precision precision, SDVariable... inputs) {
    super(sameDiff, inputs);
    configure(precision);
  }

  /** Eager, into given arrays; parameters as in {@link KernelProvider}. */
  public LinearCrossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    super(
        new INDArray[] {hidden, weight, targets, logSumExp, lossGradients},
        new INDArray[] {hiddenGradient, weightGradient});
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
    return 2;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return typesOf(inputs, 0, 1);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    INDArray hidden = inputs.get(0);
    INDArray weight = inputs.get(1);
    LongShapeDescriptor rows = LinearCrossEntropy.rows(this, hidden, weight, inputs.get(2));
    checkFits("logSumExp", inputs.get(3), rows);
    checkFits("the losses' gradient", inputs.get(4), rows);
    return List.of(like(hidden), like(weight));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    LinearCrossEntropy.checkTargets(this, inputs.get(2), inputs.get(1).size(1));
    kernels.linearCrossEntropyGradient(
        precision,
        inputs.get(0),
        inputs.get(1),
        inputs.get(2),
        inputs.get(3),
        inputs.get(4),
        outputs.get(0),
        outputs.get(1));
  }
}
