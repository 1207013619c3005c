package io.anchor4j.kernel.cpu;

import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.rotary.RotaryConfig;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The element-wise ops around attention by native code. */
final class CpuCompanions {
  private final InstructionSet isa;
  private final AngleTables tables;

  CpuCompanions(InstructionSet isa, AngleTables tables) {
    this.isa = isa;
    this.tables = tables;
  }

  void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    int headDim = (int) heads.size(3);
    int pairing = AttentionCall.code(config.pairing());
    int pairs = config.rotatedDimensions(headDim) / 2;
    FloatPointer angles = tables.retain(config, headDim, NativeArrays.rows(positions));
    try (var a = new DescribedArrays(1, heads, rotated)) {
      a.finish(
          "rotary",
          NativeKernels.a4j_rotary(isa.code, inverse, pairing, pairs, angles, a.at(0), a.at(1)));
    } finally {
      angles.releaseReference();
    }
  }

  void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    try (var a = new DescribedArrays(1, input, gain, output)) {
      a.finish("rmsNorm", NativeKernels.a4j_rms_norm(isa.code, epsilon, a.at(0), a.at(1), a.at(2)));
    }
  }

  void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    try (var a = new DescribedArrays(2, input, gain, outputGradient, inputGradient, gainGradient)) {
      a.finish(
          "rmsNormGradient",
          NativeKernels.a4j_rms_norm_gradient(
              isa.code, epsilon, a.at(0), a.at(1), a.at(2), a.at(3), a.at(4)));
    }
  }

  void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    try (var a = new DescribedArrays(1, gate, up, output)) {
      a.finish("gatedSilu", NativeKernels.a4j_gated_silu(isa.code, a.at(0), a.at(1), a.at(2)));
    }
  }

  void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    try (var a = new DescribedArrays(2, gate, up, outputGradient, gateGradient, upGradient)) {
      a.finish(
          "gatedSiluGradient",
          NativeKernels.a4j_gated_silu_gradient(
              isa.code, a.at(0), a.at(1), a.at(2), a.at(3), a.at(4)));
    }
  }

  void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    try (var a = new DescribedArrays(3, gradients, parameters, firstMoment, secondMoment);
        var numbers =
            new DoublePointer(
                step.learningRate(),
                step.beta1(),
                step.beta2(),
                step.epsilon(),
                step.weightDecay(),
                step.firstCorrection(),
                step.secondCorrection(),
                step.gradientScale())) {
      a.finish(
          "adamW", NativeKernels.a4j_adamw(isa.code, numbers, a.at(1), a.at(0), a.at(2), a.at(3)));
    }
  }

  double sumOfSquares(INDArray array) {
    try (var a = new DescribedArrays(0, array);
        var sum = new DoublePointer(1)) {
      a.finish("sumOfSquares", NativeKernels.a4j_sum_of_squares(isa.code, a.at(0), sum));
      return sum.get();
    }
  }
}
