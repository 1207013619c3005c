package io.anchor4j.kernel.cuda;

import org.junit.jupiter.api.Assumptions;

/** The NVRTC of this machine. */
final class TestNvrtc {
  private TestNvrtc() {}

  /** Returns it, or ends the test by the name of what is missing; one that is named must load. */
  static Nvrtc find() {
    try {
      return CudaLibraries.nvrtc();
    } catch (CudaException e) {
      if (System.getProperty(CudaLibraries.NVRTC_PROPERTY) != null) {
        throw e;
      }
      Assumptions.abort("kernels are not compiled: " + e.getMessage());
      throw e;
    }
  }
}
