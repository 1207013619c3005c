package io.anchor4j.nd4j;

import io.anchor4j.kernel.cuda.InstalledGpu;
import org.nd4j.common.io.Resource;

/**
 * ND4J's CUDA backend with our executioner. ND4J tells what hardware it has by the word "cublas" in
 * a backend's class name.
 */
public final class AnchorCublasBackend extends WrappedBackend {
  /** nd4j-cuda-11.6 M2.1 has machine code for 3.7 to 8.6, which 8.9 runs too, and no PTX. */
  private static final int FIRST_WITHOUT_KERNELS = 90;

  /** Makes the backend; ND4J does so by name. */
  public AnchorCublasBackend() {
    super(
        "nd4j-cuda-11.6",
        "org.nd4j.linalg.jcublas.JCublasBackend",
        "io.anchor4j.nd4j.AnchorCudaExecutioner");
  }

  /**
   * One above ND4J's own; without nd4j-cuda on the class path below every other, so that ND4J never
   * asks for this one and never logs that it is not there.
   */
  @Override
  public int getPriority() {
    return isPresent() ? BACKEND_PRIORITY_GPU + 1 : BACKEND_PRIORITY_CPU - 1;
  }

  /**
   * Returns whether there is a GPU.
   *
   * @throws io.anchor4j.kernel.cuda.CudaException if there is none, which ND4J logs: its own
   *     backend would print a stack trace instead
   */
  @Override
  public boolean isAvailable() {
    InstalledGpu.first();
    return super.isAvailable();
  }

  /**
   * Ends ND4J's start on a GPU that ND4J has no kernels for, before the first of them fails.
   *
   * @throws IllegalStateException saying so
   */
  @Override
  public Resource getConfigurationResource() {
    checkServed(InstalledGpu.first());
    return super.getConfigurationResource();
  }

  static void checkServed(InstalledGpu gpu) {
    if (gpu.capability() >= FIRST_WITHOUT_KERNELS) {
      throw new IllegalStateException(
          ("%s has compute capability %s, and ND4J's CUDA backend M2.1 holds machine code for 3.7 to"
                  + " 8.6 alone: none of its kernels runs here. Use nd4j-native with"
                  + " -Danchor4j.kernels=cuda: the anchor kernels then compute on this GPU")
              .formatted(gpu.name(), gpu.capabilityName()));
    }
  }
}
