package io.anchor4j.kernel.cpu;

import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.rotary.RotaryConfig;
import java.lang.ref.Reference;
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
    try (var a = new Described(1, heads, rotated)) {
      a.finish(
          "rotary",
          NativeKernels.a4j_rotary(isa.code, inverse, pairing, pairs, angles, a.at(0), a.at(1)));
    } finally {
      angles.releaseReference();
    }
  }

  void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    try (var a = new Described(1, input, gain, output)) {
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
    try (var a = new Described(2, input, gain, outputGradient, inputGradient, gainGradient)) {
      a.finish(
          "rmsNormGradient",
          NativeKernels.a4j_rms_norm_gradient(
              isa.code, epsilon, a.at(0), a.at(1), a.at(2), a.at(3), a.at(4)));
    }
  }

  void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    try (var a = new Described(1, gate, up, output)) {
      a.finish("gatedSilu", NativeKernels.a4j_gated_silu(isa.code, a.at(0), a.at(1), a.at(2)));
    }
  }

  void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    try (var a = new Described(2, gate, up, outputGradient, gateGradient, upGradient)) {
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
    try (var a = new Described(3, gradients, parameters, firstMoment, secondMoment);
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
    try (var a = new Described(0, array);
        var sum = new DoublePointer(1)) {
      a.finish("sumOfSquares", NativeKernels.a4j_sum_of_squares(isa.code, a.at(0), sum));
      return sum.get();
    }
  }

  /** The arrays of one call as native code sees them, until it is closed. */
  private static final class Described implements AutoCloseable {
    private final NativeKernels.Array descriptions;
    private final int written;
    private final INDArray[] arrays;
    private final INDArray[] used;

    /**
     * @param written how many arrays are written, the last ones
     */
    Described(int written, INDArray... arrays) {
      this.written = written;
      this.arrays = arrays;
      used = new INDArray[arrays.length];
      descriptions = new NativeKernels.Array(arrays.length);
      for (int i = 0; i < arrays.length; i++) {
        used[i] = arrays[i].rank() <= NativeArrays.RANK ? arrays[i] : matrix(arrays[i]);
        NativeArrays.describe(at(i), used[i]);
      }
    }

    /** A copy of an array of more dimensions than native code counts. */
    private static INDArray matrix(INDArray array) {
      long columns = array.size(-1);
      return array.dup('c').reshape('c', array.length() / columns, columns);
    }

    NativeKernels.Array at(int index) {
      return descriptions.at(index);
    }

    /** Ends the call of {@code name} that gave {@code status}. */
    void finish(String name, int status) {
      NativeKernels.check(name, status);
      for (int i = arrays.length - written; i < arrays.length; i++) {
        if (used[i] != arrays[i]) {
          arrays[i].assign(used[i].reshape('c', arrays[i].shape()));
        }
      }
    }

    @Override
    public void close() {
      try {
        descriptions.close();
      } finally {
        // ND4J frees the memory of arrays that nobody refers to, even while native code is in them.
        Reference.reachabilityFence(used);
      }
    }
  }
}
