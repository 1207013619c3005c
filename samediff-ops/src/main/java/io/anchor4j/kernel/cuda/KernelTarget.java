package io.anchor4j.kernel.cuda;

import java.util.Arrays;

/**
 * What a kernel is compiled to.
 *
 * @param capability 10 * major + minor of the compute capability
 * @param machineCode whether to machine code of just that capability, or to PTX, of which the
 *     driver makes machine code for it or a newer one
 */
record KernelTarget(int capability, boolean machineCode) {

  /**
   * Returns the best that {@code nvrtc} can do for a GPU: its own machine code, else PTX of the
   * newest capability below.
   *
   * @throws CudaException if it knows none that the GPU runs
   */
  static KernelTarget best(int capability, int[] supported) {
    int newest =
        Arrays.stream(supported)
            .filter(known -> known <= capability)
            .max()
            .orElseThrow(
                () ->
                    new CudaException(
                        "NVRTC compiles for compute capabilities %s and not for this GPU's %d"
                            .formatted(Arrays.toString(supported), capability)));
    return new KernelTarget(newest, newest == capability);
  }

  /** The compiler's name for it. */
  String option() {
    return "--gpu-architecture=" + (machineCode ? "sm_" : "compute_") + capability;
  }
}
