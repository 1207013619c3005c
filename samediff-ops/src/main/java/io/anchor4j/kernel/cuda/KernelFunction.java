package io.anchor4j.kernel.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.lang.ref.Reference;

/** A kernel in the memory of a GPU, ready to be launched. */
final class KernelFunction {
  /** What a block may have without being asked for. */
  private static final int SHARED_BYTES_BY_DEFAULT = 48 << 10;

  private final CudaDevice device;
  private final String name;
  private final long handle;
  private int allowedSharedBytes = SHARED_BYTES_BY_DEFAULT;

  KernelFunction(CudaDevice device, String name, long handle) {
    this.device = device;
    this.name = name;
    this.handle = handle;
  }

  /**
   * How many blocks of how many threads a launch takes.
   *
   * @param sharedBytes dynamic shared memory of a block
   */
  record Grid(int x, int y, int z, int threads, int sharedBytes) {}

  /**
   * Launches the kernel with one struct as its argument. Faults inside it surface when the stream
   * is next waited for.
   *
   * @throws CudaException if the GPU cannot take such a launch
   */
  void launch(Grid grid, Record parameters, long stream) {
    allow(grid.sharedBytes());
    byte[] struct = ParameterStruct.pack(parameters);
    var argument = new Memory(struct.length);
    argument.write(0, struct, 0, struct.length);
    var size = new Memory(Native.SIZE_T_SIZE);
    size.setLong(0, struct.length);
    var list = new Memory(5L * Native.POINTER_SIZE);
    list.write(
        0,
        new Pointer[] {
          CudaDriver.ARGUMENT_BUFFER, argument, CudaDriver.ARGUMENT_BUFFER_SIZE, size, null
        },
        0,
        5);
    try {
      CudaStatus.check(
          name,
          device
              .driver()
              .cuLaunchKernel(
                  handle,
                  grid.x(),
                  grid.y(),
                  grid.z(),
                  grid.threads(),
                  1,
                  1,
                  grid.sharedBytes(),
                  stream,
                  null,
                  list));
    } finally {
      // JNA frees memory that nothing refers to.
      Reference.reachabilityFence(argument);
      Reference.reachabilityFence(size);
    }
  }

  private synchronized void allow(int sharedBytes) {
    if (sharedBytes <= allowedSharedBytes) {
      return;
    }
    if (sharedBytes > device.maxSharedBytes()) {
      throw new CudaException(
          "%s wants %d bytes of shared memory; a block of %s has at most %d"
              .formatted(name, sharedBytes, device, device.maxSharedBytes()));
    }
    CudaStatus.check(
        name,
        device
            .driver()
            .cuFuncSetAttribute(handle, CudaDriver.MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes));
    allowedSharedBytes = sharedBytes;
  }
}
