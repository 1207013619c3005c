package io.anchor4j.kernel.cuda;

import static com.google.common.base.Preconditions.checkArgument;
import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * What the driver tells of a GPU before anything is computed on it.
 *
 * @param name with its number
 * @param capability 10 * major + minor of its compute capability
 */
public record InstalledGpu(String name, int capability) {

  /**
   * Returns the first GPU that the driver counts.
   *
   * @throws CudaException if there is no driver or no GPU
   */
  public static InstalledGpu first() {
    return of(CudaLibraries.driver(), 0);
  }

  static InstalledGpu of(CudaDriver driver, int ordinal) {
    CudaStatus.check("starting CUDA", driver.cuInit(0));
    int devices = CudaDevice.number("counting GPUs", driver::cuDeviceGetCount);
    CudaStatus.check("GPU", devices == 0 ? CudaStatus.NO_DEVICE : CudaStatus.SUCCESS);
    checkArgument(
        ordinal >= 0 && ordinal < devices,
        "GPU %s does not exist: the driver sees %s, counted from 0",
        ordinal,
        devices);
    int device = CudaDevice.number("GPU " + ordinal, out -> driver.cuDeviceGet(out, ordinal));
    return new InstalledGpu(
        "GPU %d (%s)".formatted(ordinal, name(driver, device)),
        10 * attribute(driver, CudaDriver.COMPUTE_CAPABILITY_MAJOR, device)
            + attribute(driver, CudaDriver.COMPUTE_CAPABILITY_MINOR, device));
  }

  private static String name(CudaDriver driver, int device) {
    var bytes = new byte[256];
    CudaStatus.check("a GPU's name", driver.cuDeviceGetName(bytes, bytes.length, device));
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, UTF_8);
  }

  private static int attribute(CudaDriver driver, int attribute, int device) {
    return CudaDevice.number(
        "a GPU's compute capability", out -> driver.cuDeviceGetAttribute(out, attribute, device));
  }

  /** Returns the compute capability as NVIDIA writes it. */
  public String capabilityName() {
    return capability / 10 + "." + capability % 10;
  }
}
