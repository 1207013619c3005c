package io.anchor4j.kernel.cuda;

/** The driver's statuses in words. */
final class CudaStatus {
  static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int STUB_LIBRARY = 34;
  static final int DEVICE_UNAVAILABLE = 46;
  static final int NO_DEVICE = 100;
  static final int NO_BINARY_FOR_GPU = 209;
  static final int ECC_UNCORRECTABLE = 214;
  static final int UNSUPPORTED_PTX_VERSION = 222;
  static final int ILLEGAL_ADDRESS = 700;
  static final int LAUNCH_OUT_OF_RESOURCES = 701;
  static final int LAUNCH_TIMEOUT = 702;
  static final int LAUNCH_FAILED = 719;
  static final int SYSTEM_DRIVER_MISMATCH = 803;
  static final int UNKNOWN = 999;

  private static final String LOST =
      " The process cannot use this GPU any more: start it again, from the newest checkpoint";

  private CudaStatus() {}

  /**
   * Throws what {@code status} means, unless that is success.
   *
   * @param what what was being done, for the message
   * @throws OutOfMemoryError if the GPU has no memory left
   * @throws CudaException for anything else
   */
  static void check(String what, int status) {
    if (status == SUCCESS) {
      return;
    }
    if (status == OUT_OF_MEMORY) {
      throw new OutOfMemoryError(
          what
              + ": the GPU has no memory left. Make the batch or its rows smaller, or end other"
              + " programs that nvidia-smi lists");
    }
    throw new CudaException(what + ": " + inWords(status));
  }

  private static String inWords(int status) {
    return switch (status) {
      case STUB_LIBRARY ->
          "libcuda.so.1 is the toolkit's stub and no driver. Take the toolkit's stubs directory out"
              + " of LD_LIBRARY_PATH";
      case DEVICE_UNAVAILABLE ->
          "the GPU is taken by another process (compute mode exclusive) or out of service;"
              + " nvidia-smi tells";
      case NO_DEVICE ->
          "the driver sees no GPU. CUDA_VISIBLE_DEVICES may hide it; nvidia-smi -L lists them";
      case NO_BINARY_FOR_GPU -> "the kernel was compiled for another GPU (CUDA error 209)";
      case UNSUPPORTED_PTX_VERSION ->
          "the driver is older than the NVRTC that compiled the kernel. Update the NVIDIA driver, or"
              + " name an older libnvrtc by "
              + CudaLibraries.NVRTC_PROPERTY;
      case LAUNCH_OUT_OF_RESOURCES ->
          "the kernel asks for more registers or shared memory than the GPU has (CUDA error 701)";
      case ECC_UNCORRECTABLE -> "the GPU's memory has an error that cannot be corrected." + LOST;
      case ILLEGAL_ADDRESS -> "the kernel went outside its arrays (CUDA error 700)." + LOST;
      case LAUNCH_TIMEOUT -> "the kernel ran past the time limit of a display's GPU." + LOST;
      case LAUNCH_FAILED -> "the kernel failed on the GPU (CUDA error 719)." + LOST;
      case SYSTEM_DRIVER_MISMATCH ->
          "libcuda.so.1 and the kernel module of the driver differ. Restart the machine after a"
              + " driver update, or repair its installation";
      case UNKNOWN -> "the driver lost the GPU (CUDA error 999); dmesg may tell why." + LOST;
      default -> "CUDA error " + status + "." + (status >= 700 && status < 720 ? LOST : "");
    };
  }
}
