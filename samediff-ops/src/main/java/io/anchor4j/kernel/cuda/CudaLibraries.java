package io.anchor4j.kernel.cuda;

import com.sun.jna.Native;
import com.sun.jna.Platform;

/** NVIDIA's libraries, found when first asked for. */
final class CudaLibraries {
  private static final String DRIVER = Platform.isWindows() ? "nvcuda" : "libcuda.so.1";

  private CudaLibraries() {}

  /**
   * Returns the driver of this machine.
   *
   * @throws CudaException if there is none
   */
  static CudaDriver driver() {
    try {
      return Native.load(DRIVER, CudaDriver.class);
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException("no NVIDIA driver (" + DRIVER + " not found)", e);
    }
  }
}
