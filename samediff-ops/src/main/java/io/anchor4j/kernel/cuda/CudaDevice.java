package io.anchor4j.kernel.cuda;

import com.sun.jna.Pointer;

/**
 * One GPU: what it is, its primary context and its pool of memory.
 *
 * <p>The primary context is the one that CUDA's run time and so ND4J work in: addresses and streams
 * of either serve the other. The pool is the driver's, in stream order: what was given back is
 * handed out again without waiting, and a request that would fail takes back what lies idle first.
 */
final class CudaDevice implements AutoCloseable {
  /** Needed for tensor cores in bfloat16 and for copies past the registers. */
  private static final int LEAST_CAPABILITY = 80;

  /** The first with {@code cuMemAllocAsync}. */
  private static final int LEAST_DRIVER = 11_020;

  private final CudaDriver driver;
  private final int device;
  private final int ordinal;
  private final int driverVersion;
  private final InstalledGpu gpu;
  private final int maxSharedBytes;
  private final long context;
  private final long pool;

  private CudaDevice(CudaDriver driver, int ordinal) {
    this.driver = driver;
    this.ordinal = ordinal;
    driverVersion = started(driver);
    gpu = InstalledGpu.of(driver, ordinal);
    if (gpu.capability() < LEAST_CAPABILITY) {
      throw new CudaException(
          "%s has compute capability %s; the kernels need 8.0 (Ampere) or newer"
              .formatted(gpu.name(), gpu.capabilityName()));
    }
    device = number("GPU " + ordinal, out -> driver.cuDeviceGet(out, ordinal));
    maxSharedBytes =
        number(
            "the shared memory of " + this,
            out ->
                driver.cuDeviceGetAttribute(
                    out, CudaDriver.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device));
    context = handle("the context of " + this, out -> driver.cuDevicePrimaryCtxRetain(out, device));
    try {
      makeCurrent();
      pool = handle("memory pool", out -> driver.cuDeviceGetDefaultMemPool(out, device));
      // Without this, every wait for a stream would hand all idle memory back to the system.
      CudaStatus.check(
          "memory pool",
          driver.cuMemPoolSetAttribute(
              pool, CudaDriver.POOL_RELEASE_THRESHOLD, new long[] {Long.MAX_VALUE}));
    } catch (CudaException | OutOfMemoryError e) {
      driver.cuDevicePrimaryCtxRelease_v2(device);
      throw e;
    }
  }

  /**
   * Returns the GPU of that number, counted as the driver does.
   *
   * @throws CudaException if there is no driver or GPU, or one too old for the kernels
   * @throws IllegalArgumentException if the driver counts fewer
   */
  static CudaDevice open(CudaDriver driver, int ordinal) {
    return new CudaDevice(driver, ordinal);
  }

  private static int started(CudaDriver driver) {
    CudaStatus.check("starting CUDA", driver.cuInit(0));
    int version = number("the driver's version", driver::cuDriverGetVersion);
    if (version < LEAST_DRIVER) {
      throw new CudaException(
          "the NVIDIA driver serves CUDA %s; the kernels need %s: update it to 460.27 or newer"
              .formatted(versionName(version), versionName(LEAST_DRIVER)));
    }
    return version;
  }

  private static String versionName(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** A call that writes a number. */
  interface NumberCall {
    int status(int[] out);
  }

  static int number(String what, NumberCall call) {
    var out = new int[1];
    CudaStatus.check(what, call.status(out));
    return out[0];
  }

  /** A call that writes a handle or an address. */
  private interface HandleCall {
    int status(long[] out);
  }

  private static long handle(String what, HandleCall call) {
    var out = new long[1];
    CudaStatus.check(what, call.status(out));
    return out[0];
  }

  CudaDriver driver() {
    return driver;
  }

  /** Its number, counted as the driver does. */
  int ordinal() {
    return ordinal;
  }

  /** 10 * major + minor. */
  int capability() {
    return gpu.capability();
  }

  String capabilityName() {
    return gpu.capabilityName();
  }

  /** As the driver gives it: 1000 * major + 10 * minor of the CUDA it serves. */
  int driverVersion() {
    return driverVersion;
  }

  /** The most shared memory that a block may have. */
  int maxSharedBytes() {
    return maxSharedBytes;
  }

  /** Makes its context that of the calling thread, which every call below needs. */
  void makeCurrent() {
    CudaStatus.check("the context of " + this, driver.cuCtxSetCurrent(context));
  }

  /** Returns bytes of the pool for launches on {@code stream}; their contents are arbitrary. */
  long allocate(String what, long bytes, long stream) {
    return handle(
        what + ": " + bytes + " bytes", out -> driver.cuMemAllocAsync(out, bytes, stream));
  }

  /** Gives bytes back once all that was launched on {@code stream} is done with them. */
  void free(long address, long stream) {
    CudaStatus.check("giving memory back", driver.cuMemFreeAsync(address, stream));
  }

  /** Returns how many bytes of the pool are handed out. */
  long usedBytes() {
    return handle(
        "memory pool", out -> driver.cuMemPoolGetAttribute(pool, CudaDriver.POOL_USED_BYTES, out));
  }

  /** Copies to the GPU. The source may be changed only after {@link #await}. */
  void upload(long target, Pointer source, long bytes, long stream) {
    CudaStatus.check("upload", driver.cuMemcpyHtoDAsync_v2(target, source, bytes, stream));
  }

  /** Copies from the GPU. The target is whole only after {@link #await}. */
  void download(Pointer target, long source, long bytes, long stream) {
    CudaStatus.check("download", driver.cuMemcpyDtoHAsync_v2(target, source, bytes, stream));
  }

  /** Sets bytes to 0. */
  void clear(long address, long bytes, long stream) {
    CudaStatus.check("clearing memory", driver.cuMemsetD8Async(address, (byte) 0, bytes, stream));
  }

  /** Waits for all that was launched on {@code stream}, and throws what went wrong in it. */
  void await(String what, long stream) {
    CudaStatus.check(what, driver.cuStreamSynchronize(stream));
  }

  long newStream() {
    return handle("a stream", out -> driver.cuStreamCreate(out, 0));
  }

  /** Gives idle memory back to the system and leaves the context. */
  @Override
  public void close() {
    CudaStatus.check("memory pool", driver.cuMemPoolTrimTo(pool, 0));
    CudaStatus.check("the context of " + this, driver.cuDevicePrimaryCtxRelease_v2(device));
  }

  @Override
  public String toString() {
    return gpu.name();
  }
}
