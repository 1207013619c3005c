package io.anchor4j.kernel.cpu;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider.HeldWeights;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.IntPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Linear layers and the cross-entropy behind one, by native code and oneDNN. */
final class CpuLinear {
  private final InstructionSet isa;

  CpuLinear(InstructionSet isa) {
    this.isa = isa;
  }

  /** Arrays as native code sees them, reachable until closed. */
  private static final class Described implements AutoCloseable {
    private final List<NativeKernels.Array> described = new ArrayList<>();
    private final List<INDArray> arrays = new ArrayList<>();

    /** Returns null for null. */
    NativeKernels.Array of(INDArray array) {
      if (array == null) {
        return null;
      }
      var target = new NativeKernels.Array();
      described.add(target);
      arrays.add(array);
      NativeArrays.describe(target, array);
      return target;
    }

    @Override
    public void close() {
      try {
        described.forEach(NativeKernels.Array::close);
      } finally {
        Reference.reachabilityFence(arrays);
      }
    }
  }

  void forward(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    try (var arrays = new Described()) {
      NativeKernels.check(
          "linear",
          NativeKernels.a4j_linear(
              isa.code,
              AttentionCall.code(precision),
              arrays.of(input),
              arrays.of(weight),
              arrays.of(bias),
              arrays.of(output)));
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
    try (var arrays = new Described()) {
      NativeKernels.check(
          "linear gradient",
          NativeKernels.a4j_linear_gradient(
              isa.code,
              AttentionCall.code(precision),
              arrays.of(input),
              arrays.of(weight),
              arrays.of(outputGradient),
              arrays.of(inputGradient),
              arrays.of(weightGradient),
              arrays.of(biasGradient)));
    }
  }

  void crossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    try (var arrays = new Described();
        var ids = new IntPointer(targets.toIntVector())) {
      NativeKernels.check(
          "linear cross-entropy",
          NativeKernels.a4j_cross_entropy(
              isa.code,
              AttentionCall.code(precision),
              arrays.of(hidden),
              arrays.of(weight),
              ids,
              arrays.of(losses),
              arrays.of(logSumExp)));
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
    try (var arrays = new Described();
        var ids = new IntPointer(targets.toIntVector())) {
      NativeKernels.check(
          "linear cross-entropy gradient",
          NativeKernels.a4j_cross_entropy_gradient(
              isa.code,
              AttentionCall.code(precision),
              arrays.of(hidden),
              arrays.of(weight),
              ids,
              arrays.of(logSumExp),
              arrays.of(lossGradients),
              arrays.of(hiddenGradient),
              arrays.of(weightGradient)));
    }
  }

  HeldWeights hold(INDArray parameters) {
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
