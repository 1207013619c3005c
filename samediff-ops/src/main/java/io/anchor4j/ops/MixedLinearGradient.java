package io.anchor4j.ops;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * The gradients of {@link MixedLinear} for input and, unless it is frozen, weight and, where there
 * is one, bias, each of its shape and type.
 */
public final class MixedLinearGradient extends KernelOp {
  static final String NAME = "anchor_mixed_linear_gradient";

  private Precision precision;
  private boolean frozen;
  private boolean biased;

  /** For ND4J. */
  public MixedLinearGradient() {}

  MixedLinearGradient(
      SameDiff sameDiff,
      Precision precision,
      SDVariable input,
      SDVariable weight,
      SDVariable outputGradient,
      SDVariable bias) {
    super(sameDiff, input, weight, outputGradient, bias);
    configure(precision, false, bias != null);
  }

  /**
   * Eager, into given arrays.
   *
   * @param weightGradient null if the weight is frozen: its gradient is not computed
   * @param biasGradient null if there is no bias, or it is frozen
   */
  public MixedLinearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    super(
        // The bias itself is not needed, only where its gradient goes.
        new INDArray[] {input, weight, outputGradient},
        new INDArray[] {inputGradient, weightGradient, biasGradient});
    configure(precision, weightGradient == null, biasGradient != null);
  }

  private void configure(Precision precision, boolean frozen, boolean biased) {
    this.precision = precision;
    this.frozen = frozen;
    this.biased = biased;
    addSArgument(precision.name());
    addBArgument(frozen, biased);
  }

  @Override
  public void configureFromArguments() {
    precision = Precision.valueOf(getSArgument(0));
    frozen = getBArgument(0);
    biased = getBArgument(1);
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return 1 + (frozen ? 0 : 1) + (biased ? 1 : 0);
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    List<DataType> types = new ArrayList<>(typesOf(inputs, 0));
    if (!frozen) {
      types.add(inputs.get(1));
    }
    if (biased) {
      types.add(inputs.get(0));
    }
    return types;
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    INDArray input = inputs.get(0);
    INDArray weight = inputs.get(1);
    checkFits("the output's gradient", inputs.get(2), MixedLinear.output(this, input, weight));
    List<LongShapeDescriptor> gradients = new ArrayList<>(List.of(like(input)));
    if (!frozen) {
      gradients.add(like(weight));
    }
    if (biased) {
      // Eager, the bias is not given: its gradient says what shape it has.
      INDArray bias = inputs.size() > 3 ? inputs.get(3) : outputArguments().get(biasIndex());
      MixedLinear.checkBias(this, bias, input, weight);
      gradients.add(like(bias));
    }
    return gradients;
  }

  private int biasIndex() {
    return frozen ? 1 : 2;
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.linearGradient(
        precision,
        inputs.get(0),
        inputs.get(1),
        inputs.get(2),
        outputs.get(0),
        frozen ? null : outputs.get(1),
        biased ? outputs.get(biasIndex()) : null);
  }
}
