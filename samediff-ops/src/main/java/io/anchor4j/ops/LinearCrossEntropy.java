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
 * Cross-entropy of {@code softmax(hidden weight)} against integer targets, row by row, in chunks:
 * the N x V logits never exist whole.
 *
 * <p>N rows, C channels, V vocabulary:
 *
 * <ul>
 *   <li>{@code hidden} [N, C], any floating type
 *   <li>{@code weight} [C, V], the same type or BFLOAT16; a tied embedding [V, C] is given
 *       transposed
 *   <li>{@code targets} INT [N], below V; -100 where a row does not count
 *   <li>losses [N], -ln p(target), 0 where a row does not count; FLOAT, or DOUBLE for DOUBLE
 *   <li>logSumExp [N], for the gradient, 0 where a row does not count; nothing flows back through
 *       it
 * </ul>
 */
public final class LinearCrossEntropy extends KernelOp {
  static final String NAME = "anchor_linear_cross_entropy";

  private Precision precision;

  /** For ND4J. */
  public LinearCrossEntropy() {}

  /** In a graph. */
  public LinearCrossEntropy(
      SameDiff sameDiff,
      Precision precision,
      SDVariable hidden,
      SDVariable weight,
      SDVariable targets) {
    super(sameDiff, hidden, weight, targets);
    configure(precision);
  }

  /**
   * Eager, into given arrays.
   *
   * @param losses null to have both outputs allocated
   */
  public LinearCrossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    super(new INDArray[] {hidden, weight, targets}, new INDArray[] {losses, logSumExp});
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
    return List.of(statistics(inputs.get(0)), statistics(inputs.get(0)));
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    LongShapeDescriptor rows = rows(this, inputs.get(0), inputs.get(1), inputs.get(2));
    return List.of(rows, rows);
  }

  /** Checks the inputs, which are its gradient's too, and returns the form of a number a row. */
  static LongShapeDescriptor rows(KernelOp op, INDArray hidden, INDArray weight, INDArray targets) {
    op.check(
        hidden.rank() == 2 && weight.rank() == 2 && hidden.size(1) == weight.size(0),
        "hidden must be [N, C] and weight [C, V], got %s and %s",
        Arrays.toString(hidden.shape()),
        Arrays.toString(weight.shape()));
    MixedLinear.checkTypes(op, "hidden", hidden, weight);
    op.check(
        targets.dataType() == DataType.INT32
            && Arrays.equals(targets.shape(), new long[] {hidden.size(0)}),
        "targets must be INT [N=%s], got %s %s",
        hidden.size(0),
        targets.dataType(),
        Arrays.toString(targets.shape()));
    return descriptor(statistics(hidden.dataType()), hidden.size(0));
  }

  /** Checks every target, since an index out of range would be read and written to. */
  static void checkTargets(KernelOp op, INDArray targets, long vocabulary) {
    int[] ids = targets.toIntVector();
    for (int n = 0; n < ids.length; n++) {
      op.check(
          (ids[n] >= 0 && ids[n] < vocabulary) || ids[n] == KernelProvider.IGNORED_TARGET,
          "target %s of row %s is not in the vocabulary of %s (or -100 for none)",
          ids[n],
          n,
          vocabulary);
    }
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    checkTargets(this, inputs.get(2), inputs.get(1).size(1));
    kernels.linearCrossEntropy(
        precision, inputs.get(0), inputs.get(1), inputs.get(2), outputs.get(0), outputs.get(1));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    var gradient =
        new LinearCrossEntropyGradient(
            sameDiff, precision, arg(0), arg(1), arg(2), outputVariables()[1], gradients.get(0));
    SDVariable[] outputs = gradient.outputVariables();
    return List.of(outputs[0], outputs[1], sameDiff.zerosLike(arg(2)));
  }
}
