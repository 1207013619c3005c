package io.anchor4j.kernel.cuda;

import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.cuda.KernelParameters.AdamW;
import io.anchor4j.kernel.cuda.KernelParameters.Array;
import io.anchor4j.kernel.cuda.KernelParameters.GatedSilu;
import io.anchor4j.kernel.cuda.KernelParameters.RmsNorm;
import io.anchor4j.kernel.cuda.KernelParameters.Rotary;
import io.anchor4j.kernel.cuda.KernelParameters.SumOfSquares;
import io.anchor4j.kernel.cuda.KernelParameters.SumParts;
import io.anchor4j.rotary.RotaryConfig;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The element-wise ops and norms around attention on the GPU. */
final class CudaCompanions {
  private static final Array NONE = KernelParameters.NONE;

  /** Elements that one block adds up. */
  private static final int PART_ELEMENTS = 8192;

  private final CudaDevice device;
  private final DeviceArrays arrays;
  private final CompiledKernels kernels;

  CudaCompanions(CudaDevice device, DeviceArrays arrays, CompiledKernels kernels) {
    this.device = device;
    this.arrays = arrays;
    this.kernels = kernels;
  }

  private KernelFunction function(String name) {
    return kernels.module("companions.cu").function(name);
  }

  void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    try (var call = new KernelCall(device, arrays)) {
      int headDim = (int) heads.size(3);
      long angles =
          AngleTable.make(
              call,
              kernels.module("attention_prepare.cu").function("rotary_angles"),
              config,
              headDim,
              positions,
              call.integers(positions),
              ElementType.of(heads.dataType()).wide());
      call.launchOver(
          function("rotary"),
          heads.length() / headDim * ((headDim + 1) / 2),
          new Rotary(
              call.read(heads),
              call.write(rotated),
              angles,
              (int) heads.size(0),
              (int) heads.size(1),
              (int) heads.size(2),
              headDim,
              config.rotatedDimensions(headDim) / 2,
              CudaAttention.code(config.pairing()),
              inverse ? 1 : 0,
              0));
      call.finish();
    }
  }

  void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    try (var call = new KernelCall(device, arrays)) {
      call.launchBlocks(
          function("rms_norm"),
          input.length() / gain.length(),
          new RmsNorm(
              call.read(input),
              call.read(gain),
              call.write(output),
              NONE,
              NONE,
              0,
              epsilon,
              KernelCall.shape(input),
              0));
      call.finish();
    }
  }

  void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    try (var call = new KernelCall(device, arrays)) {
      long columns = gain.length();
      var parts = RowParts.of(input.length() / columns);
      ElementType wide = ElementType.of(input.dataType()).wide();
      long sums =
          gainGradient == null
              ? 0
              : call.scratch("sums of parts", parts.count() * columns * wide.bytes);
      call.launchBlocks(
          function("rms_norm_gradient"),
          parts.count(),
          new RmsNorm(
              call.read(input),
              call.read(gain),
              NONE,
              call.read(outputGradient),
              call.write(inputGradient),
              sums,
              epsilon,
              KernelCall.shape(input),
              parts.rows()));
      if (gainGradient != null) {
        call.launchBlocks(
            function("sum_parts"),
            KernelCall.ceilDiv(columns, 256),
            new SumParts(call.write(gainGradient), sums, columns, parts.count(), wide.code, 0));
      }
      call.finish();
    }
  }

  void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    try (var call = new KernelCall(device, arrays)) {
      call.launchOver(
          function("gated_silu"),
          gate.length(),
          new GatedSilu(
              call.read(gate),
              call.read(up),
              call.write(output),
              NONE,
              NONE,
              NONE,
              KernelCall.shape(gate)));
      call.finish();
    }
  }

  void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    try (var call = new KernelCall(device, arrays)) {
      call.launchOver(
          function("gated_silu_gradient"),
          gate.length(),
          new GatedSilu(
              call.read(gate),
              call.read(up),
              NONE,
              call.read(outputGradient),
              call.write(gateGradient),
              call.write(upGradient),
              KernelCall.shape(gate)));
      call.finish();
    }
  }

  void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    try (var call = new KernelCall(device, arrays)) {
      call.launchOver(
          function("adamw"),
          parameters.length(),
          new AdamW(
              call.update(parameters),
              call.read(gradients),
              call.update(firstMoment),
              call.update(secondMoment),
              KernelCall.shape(parameters),
              step.learningRate(),
              step.beta1(),
              step.beta2(),
              step.epsilon(),
              step.weightDecay(),
              step.firstCorrection(),
              step.secondCorrection(),
              step.gradientScale()));
      call.finish();
    }
  }

  double sumOfSquares(INDArray array) {
    try (var call = new KernelCall(device, arrays)) {
      long count = KernelCall.ceilDiv(array.length(), PART_ELEMENTS);
      long parts = call.scratch("sums of parts", count * Double.BYTES);
      Matrix sum = call.scratchMatrix("a sum", ElementType.FLOAT64, 1, 1);
      call.launchBlocks(
          function("sum_of_squares"),
          count,
          new SumOfSquares(call.read(array), parts, KernelCall.shape(array)));
      call.launchBlocks(
          function("sum_parts"),
          1,
          new SumParts(sum.array(), parts, 1, count, ElementType.FLOAT64.code, 0));
      return call.download(sum.address());
    }
  }
}
