package io.anchor4j.kernel.cuda;

import com.sun.jna.Library;
import com.sun.jna.Pointer;

/**
 * The calls of NVIDIA's driver that are in use, by their names in {@code libcuda.so.1}.
 *
 * <p>Every call returns a status, 0 for success; handles, device addresses and sizes are {@code
 * long}, and what the driver writes comes in an array of one. A {@code _v2} is part of the name:
 * without it the driver gives the form of CUDA 3.
 *
 * @see <a href="https://docs.nvidia.com/cuda/cuda-driver-api/">CUDA driver API</a>
 */
interface CudaDriver extends Library {
  int COMPUTE_CAPABILITY_MAJOR = 75;
  int COMPUTE_CAPABILITY_MINOR = 76;
  int MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;

  /** Of a function: how much dynamic shared memory a block may ask for; 48 KiB if not raised. */
  int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

  /** Of a pool: how many bytes it keeps for later when a stream is waited for; a 64-bit number. */
  int POOL_RELEASE_THRESHOLD = 4;

  /** Of a pool: bytes handed out and not given back; a 64-bit number. */
  int POOL_USED_BYTES = 7;

  /** In a launch's list: the address of all arguments in one buffer comes next. */
  Pointer ARGUMENT_BUFFER = Pointer.createConstant(1);

  /** In a launch's list: the address of that buffer's size comes next. */
  Pointer ARGUMENT_BUFFER_SIZE = Pointer.createConstant(2);

  int cuInit(int flags);

  /** 1000 * major + 10 * minor of the newest CUDA that the driver serves. */
  int cuDriverGetVersion(int[] version);

  int cuDeviceGetCount(int[] count);

  int cuDeviceGet(int[] device, int ordinal);

  int cuDeviceGetName(byte[] name, int length, int device);

  int cuDeviceGetAttribute(int[] value, int attribute, int device);

  int cuDevicePrimaryCtxRetain(long[] context, int device);

  int cuDevicePrimaryCtxRelease_v2(int device);

  int cuCtxSetCurrent(long context);

  int cuDeviceGetDefaultMemPool(long[] pool, int device);

  int cuMemPoolSetAttribute(long pool, int attribute, long[] value);

  int cuMemPoolGetAttribute(long pool, int attribute, long[] value);

  int cuMemPoolTrimTo(long pool, long bytes);

  int cuMemAllocAsync(long[] address, long bytes, long stream);

  int cuMemFreeAsync(long address, long stream);

  int cuMemcpyHtoDAsync_v2(long target, Pointer source, long bytes, long stream);

  int cuMemcpyDtoHAsync_v2(Pointer target, long source, long bytes, long stream);

  int cuMemsetD8Async(long address, byte value, long bytes, long stream);

  int cuStreamCreate(long[] stream, int flags);

  int cuStreamSynchronize(long stream);

  int cuStreamDestroy_v2(long stream);

  int cuModuleLoadData(long[] module, byte[] image);

  int cuModuleUnload(long module);

  int cuModuleGetFunction(long[] function, long module, String name);

  int cuFuncSetAttribute(long function, int attribute, int value);

  /**
   * @param parameters null
   * @param extra how the arguments are given, a list that ends with null
   */
  int cuLaunchKernel(
      long function,
      int gridX,
      int gridY,
      int gridZ,
      int blockX,
      int blockY,
      int blockZ,
      int sharedBytes,
      long stream,
      Pointer parameters,
      Pointer extra);
}
