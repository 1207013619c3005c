package io.anchor4j.kernel.cpu;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider.HeldWeights;
import java.util.Arrays;
import org.bytedeco.javacpp.IntPointer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;

/** Linear layers and the cross-entropy behind one, by native code and oneDNN. */
final class CpuLinear {
  private final InstructionSet isa;

  CpuLinear(InstructionSet isa) {
    this.isa = isa;
  }

  void forward(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    try (var a = new DescribedArrays(1, input, weight, bias, output)) {
      int code = AttentionCall.code(precision);
      a.finish(
          "linear", NativeKernels.a4j_linear(isa.code, code, a.at(0), a.at(1), a.at(2), a.at(3)));
    }
  }

  void backward(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    try (var a =
        new DescribedArrays(
            3, input, weight, outputGradient, inputGradient, weightGradient, biasGradient)) {
      int code = AttentionCall.code(precision);
      a.finish(
          "linear gradient",
          NativeKernels.a4j_linear_gradient(
              isa.code, code, a.at(0), a.at(1), a.at(2), a.at(3), a.at(4), a.at(5)));
    }
  }

  void crossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    try (var a = new DescribedArrays(2, hidden, weight, losses, logSumExp);
        var ids = new IntPointer(targets.toIntVector())) {
      int code = AttentionCall.code(precision);
      a.finish(
          "linear cross-entropy",
          NativeKernels.a4j_cross_entropy(isa.code, code, a.at(0), a.at(1), ids, a.at(2), a.at(3)));
    }
  }

  void crossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    try (var a =
            new DescribedArrays(
                2, hidden, weight, logSumExp, lossGradients, hiddenGradient, weightGradient);
        var ids = new IntPointer(targets.toIntVector())) {
      int code = AttentionCall.code(precision);
      a.finish(
          "linear cross-entropy gradient",
          NativeKernels.a4j_cross_entropy_gradient(
              isa.code, code, a.at(0), a.at(1), ids, a.at(2), a.at(3), a.at(4), a.at(5)));
    }
  }

  HeldWeights hold(INDArray parameters) {
    checkArgument(
        Shape.hasDefaultStridesForShape(parameters),
        "holdWeights: parameters: strides %s of shape %s, expected one contiguous block",
        Arrays.toString(parameters.stride()),
        Arrays.toString(parameters.shape()));
    long address = NativeArrays.address(parameters);
    long bytes = parameters.length() * parameters.data().getElementSize();
    NativeKernels.check("holding weights", NativeKernels.a4j_hold_weights(address, bytes));
    return new HeldWeights() {
      private INDArray held = parameters; // reachable, so that no other array takes its address

      @Override
      public void close() {
        if (held != null) {
          int status = NativeKernels.a4j_release_weights(address);
          held = null;
          NativeKernels.check("releasing weights", status);
        }
      }
    };
  }
}
