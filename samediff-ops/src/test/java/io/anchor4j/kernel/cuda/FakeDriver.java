package io.anchor4j.kernel.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A driver without a GPU: its memory is the processor's, launches are written down and no more, and
 * any call fails with the status that a test asks for.
 */
class FakeDriver implements CudaDriver {
  static final int POISON = 0x7F;

  int devices = 1;
  int version = 12_040;
  int capability = 90;
  int maxSharedBytes = 232_448;
  long memoryBytes = 1L << 30;

  final List<Launch> launches = new ArrayList<>();
  final List<String> calls = new ArrayList<>();
  final List<byte[]> images = new ArrayList<>();
  int contexts;
  int modules;

  private final Map<String, Integer> failures = new HashMap<>();
  private final Map<Long, Memory> allocations = new HashMap<>();
  private final List<String> functions = new ArrayList<>();

  /** One launch, with the bytes of the struct that the kernel gets. */
  record Launch(String kernel, KernelFunction.Grid grid, long stream, ByteBuffer argument) {}

  /** Makes every later call of that name give {@code status}. */
  void fail(String call, int status) {
    failures.put(call, status);
  }

  int allocations() {
    return allocations.size();
  }

  private long allocatedBytes() {
    return allocations.values().stream().mapToLong(Memory::size).sum();
  }

  private int status(String call) {
    calls.add(call);
    return failures.getOrDefault(call, 0);
  }

  private int give(String call, int[] out, int value) {
    out[0] = value;
    return status(call);
  }

  private int give(String call, long[] out, long value) {
    out[0] = value;
    return status(call);
  }

  @Override
  public int cuInit(int flags) {
    return status("cuInit");
  }

  @Override
  public int cuDriverGetVersion(int[] version) {
    return give("cuDriverGetVersion", version, this.version);
  }

  @Override
  public int cuDeviceGetCount(int[] count) {
    return give("cuDeviceGetCount", count, devices);
  }

  @Override
  public int cuDeviceGet(int[] device, int ordinal) {
    return give("cuDeviceGet", device, 100 + ordinal);
  }

  @Override
  public int cuDeviceGetName(byte[] name, int length, int device) {
    byte[] text = "Fake H200".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, name, 0, text.length);
    return status("cuDeviceGetName");
  }

  @Override
  public int cuDeviceGetAttribute(int[] value, int attribute, int device) {
    return give(
        "cuDeviceGetAttribute",
        value,
        switch (attribute) {
          case COMPUTE_CAPABILITY_MAJOR -> capability / 10;
          case COMPUTE_CAPABILITY_MINOR -> capability % 10;
          case MAX_SHARED_MEMORY_PER_BLOCK_OPTIN -> maxSharedBytes;
          default -> throw new AssertionError("attribute " + attribute);
        });
  }

  @Override
  public int cuDevicePrimaryCtxRetain(long[] context, int device) {
    int status = give("cuDevicePrimaryCtxRetain", context, 7);
    contexts += status == 0 ? 1 : 0;
    return status;
  }

  @Override
  public int cuDevicePrimaryCtxRelease_v2(int device) {
    contexts--;
    return status("cuDevicePrimaryCtxRelease_v2");
  }

  @Override
  public int cuCtxSetCurrent(long context) {
    return status("cuCtxSetCurrent");
  }

  @Override
  public int cuDeviceGetDefaultMemPool(long[] pool, int device) {
    return give("cuDeviceGetDefaultMemPool", pool, 8);
  }

  @Override
  public int cuMemPoolSetAttribute(long pool, int attribute, long[] value) {
    return status("cuMemPoolSetAttribute");
  }

  @Override
  public int cuMemPoolGetAttribute(long pool, int attribute, long[] value) {
    return give("cuMemPoolGetAttribute", value, allocatedBytes());
  }

  @Override
  public int cuMemPoolTrimTo(long pool, long bytes) {
    return status("cuMemPoolTrimTo");
  }

  @Override
  public int cuMemAllocAsync(long[] address, long bytes, long stream) {
    int status = status("cuMemAllocAsync");
    if (status != 0) {
      return status;
    }
    if (bytes <= 0) {
      return 1;
    }
    if (allocatedBytes() + bytes > memoryBytes) {
      return CudaStatus.OUT_OF_MEMORY;
    }
    var memory = new Memory(bytes);
    memory.setMemory(0, bytes, (byte) POISON); // fresh memory of a GPU holds anything
    address[0] = Pointer.nativeValue(memory);
    allocations.put(address[0], memory);
    return 0;
  }

  @Override
  public int cuMemFreeAsync(long address, long stream) {
    int status = status("cuMemFreeAsync");
    if (status == 0 && allocations.remove(address) == null) {
      throw new AssertionError("freed what was not allocated: " + address);
    }
    return status;
  }

  @Override
  public int cuMemcpyHtoDAsync_v2(long target, Pointer source, long bytes, long stream) {
    int status = status("cuMemcpyHtoDAsync_v2");
    if (status == 0) {
      new Pointer(target).write(0, source.getByteArray(0, (int) bytes), 0, (int) bytes);
    }
    return status;
  }

  @Override
  public int cuMemcpyDtoHAsync_v2(Pointer target, long source, long bytes, long stream) {
    int status = status("cuMemcpyDtoHAsync_v2");
    if (status == 0) {
      target.write(0, new Pointer(source).getByteArray(0, (int) bytes), 0, (int) bytes);
    }
    return status;
  }

  @Override
  public int cuMemsetD8Async(long address, byte value, long bytes, long stream) {
    new Pointer(address).setMemory(0, bytes, value);
    return status("cuMemsetD8Async");
  }

  @Override
  public int cuStreamCreate(long[] stream, int flags) {
    return give("cuStreamCreate", stream, 9);
  }

  @Override
  public int cuStreamSynchronize(long stream) {
    return status("cuStreamSynchronize");
  }

  @Override
  public int cuStreamDestroy_v2(long stream) {
    return status("cuStreamDestroy_v2");
  }

  @Override
  public int cuModuleLoadData(long[] module, byte[] image) {
    images.add(image);
    modules++;
    return give("cuModuleLoadData", module, images.size());
  }

  @Override
  public int cuModuleUnload(long module) {
    modules--;
    return status("cuModuleUnload");
  }

  @Override
  public int cuModuleGetFunction(long[] function, long module, String name) {
    functions.add(name);
    return give("cuModuleGetFunction", function, functions.size());
  }

  @Override
  public int cuFuncSetAttribute(long function, int attribute, int value) {
    calls.add("%s %d=%d".formatted(functions.get((int) function - 1), attribute, value));
    return status("cuFuncSetAttribute");
  }

  @Override
  public int cuLaunchKernel(
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
      Pointer extra) {
    int status = status("cuLaunchKernel");
    if (status == 0) {
      int bytes = (int) extra.getPointer(3L * Native.POINTER_SIZE).getLong(0);
      launches.add(
          new Launch(
              functions.get((int) function - 1),
              new KernelFunction.Grid(gridX, gridY, gridZ, blockX, sharedBytes),
              stream,
              struct(extra.getPointer(Native.POINTER_SIZE).getByteArray(0, bytes))));
    }
    return status;
  }

  private static ByteBuffer struct(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
  }
}
