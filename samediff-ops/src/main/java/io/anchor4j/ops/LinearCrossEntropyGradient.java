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
 * The gradients of {@link LinearCrossEntropy} for hidden and, unless it is frozen, weight, each of
 * its shape and type.
 */
public final class LinearCrossEntropyGradient extends KernelOp {
  static final String NAME = "anchor_linear_cross_entropy_gradient";

  private Precision precision;
  private boolean frozen;

  /** For ND4J. */
  public LinearCrossEntropyGradient() {}

  LinearCrossEntropyGradient(SameDiff sameDiff, Precision precision, SDVariable... inputs) {
    super(sameDiff, inputs);
    configure(precision, false);
  }

  /**
   * Eager, into given arrays; parameters as in {@link KernelProvider}.
   *
   * @param weightGradient null if the weight is frozen: its gradient is not computed
   */
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
    configure(precision, weightGradient == null);
  }

  private void configure(Precision precision, boolean frozen) {
    this.precision = precision;
    this.frozen = frozen;
    addSArgument(precision.name());
    addBArgument(frozen);
  }

  @Override
  public void configureFromArguments() {
    precision = Precision.valueOf(getSArgument(0));
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
    INDArray hidden = inputs.get(0);
    INDArray weight = inputs.get(1);
    LongShapeDescriptor rows = LinearCrossEntropy.rows(this, hidden, weight, inputs.get(2));
    checkFits("logSumExp", inputs.get(3), rows);
    checkFits("the losses' gradient", inputs.get(4), rows);
    return frozen ? List.of(like(hidden)) : List.of(like(hidden), like(weight));
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
        optional(outputs, 1));
  }
}
