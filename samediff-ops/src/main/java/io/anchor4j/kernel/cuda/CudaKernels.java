package io.anchor4j.kernel.cuda;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.ProviderStatus;
import io.anchor4j.rotary.RotaryConfig;
import java.util.ServiceLoader;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Kernels in CUDA C on one NVIDIA GPU.
 *
 * <p>Where ND4J keeps its arrays on that GPU, kernels compute on them in place and in ND4J's own
 * stream; where it keeps them in the processor's memory, each call copies them there and back.
 * Equal inputs give equal bits: no kernel adds in an order that chance decides.
 */
public final class CudaKernels implements KernelProvider {
  /** The name by which it is asked for. */
  public static final String NAME = "cuda";

  private final CudaDevice device;
  private final String where;
  private final CudaAttention attention;
  private final CudaLinear linear;
  private final CudaCrossEntropy crossEntropy;
  private final CudaCompanions companions;

  CudaKernels(
      CudaDevice device, DeviceArrays arrays, CompiledKernels kernels, MatrixProducts products) {
    this.device = device;
    where = arrays instanceof HostArrays ? ", arrays copied for each call" : "";
    attention = new CudaAttention(device, arrays, kernels);
    linear = new CudaLinear(device, arrays, kernels, products);
    crossEntropy = new CudaCrossEntropy(device, arrays, kernels, products, linear);
    companions = new CudaCompanions(device, arrays, kernels);
  }

  /** Returns the provider for the GPU of this process, or why there is none. */
  public static ProviderStatus find() {
    try {
      CudaDriver driver = CudaLibraries.driver();
      DeviceArrays onDevice =
          Nd4j.getEnvironment().isCPU()
              ? null
              : ServiceLoader.load(DeviceArrays.class).findFirst().orElseThrow();
      var device = CudaDevice.open(driver, onDevice == null ? 0 : onDevice.device());
      var compiler = new KernelCompiler(CudaLibraries.nvrtc());
      var kernels = new CompiledKernels(device, compiler, KernelCache.ofUser());
      var arrays = onDevice == null ? new HostArrays(device) : onDevice;
      var products = new MatrixProducts(CudaLibraries.cublas());
      return ProviderStatus.works(new CudaKernels(device, arrays, kernels, products), "");
    } catch (CudaException | OutOfMemoryError e) {
      return ProviderStatus.absent(NAME, e.getMessage());
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return "%s (%s, compute capability %s%s)"
        .formatted(NAME, device, device.capabilityName(), where);
  }

  @Override
  public void attention(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    attention.forward(arguments, output, logSumExp);
  }

  @Override
  public void attentionGradient(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    attention.backward(
        arguments, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient);
  }

  @Override
  public void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    companions.rotary(config, inverse, heads, positions, rotated);
  }

  @Override
  public void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    companions.rmsNorm(epsilon, input, gain, output);
  }

  @Override
  public void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    companions.rmsNormGradient(epsilon, input, gain, outputGradient, inputGradient, gainGradient);
  }

  @Override
  public void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    companions.gatedSilu(gate, up, output);
  }

  @Override
  public void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    companions.gatedSiluGradient(gate, up, outputGradient, gateGradient, upGradient);
  }

  @Override
  public void linear(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    linear.forward(precision, input, weight, bias, output);
  }

  @Override
  public void linearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    linear.backward(
        precision, input, weight, outputGradient, inputGradient, weightGradient, biasGradient);
  }

  @Override
  public void linearCrossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    crossEntropy.forward(precision, hidden, weight, targets, losses, logSumExp);
  }

  @Override
  public void linearCrossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    crossEntropy.backward(
        precision,
        hidden,
        weight,
        targets,
        logSumExp,
        lossGradients,
        hiddenGradient,
        weightGradient);
  }

  @Override
  public void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    companions.adamW(step, parameters, gradients, firstMoment, secondMoment);
  }

  @Override
  public double sumOfSquares(INDArray array) {
    return companions.sumOfSquares(array);
  }

  @Override
  public String toString() {
    return description();
  }
}
