package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.Function;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/** A driver whose GPU is an emulator on the processor: kernels run, all else is as its parent's. */
final class EmulatedDriver extends FakeDriver {
  private final List<NativeLibrary> libraries = new ArrayList<>();
  private final List<Function> kernels = new ArrayList<>();

  @Override
  public int cuModuleLoadData(long[] module, byte[] image) {
    int status = super.cuModuleLoadData(module, image);
    libraries.add(NativeLibrary.getInstance(new String(image, UTF_8)));
    return status;
  }

  @Override
  public int cuModuleGetFunction(long[] function, long module, String name) {
    int status = super.cuModuleGetFunction(function, module, name);
    kernels.add(libraries.get((int) module - 1).getFunction("run_" + name));
    return status;
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
    int status =
        super.cuLaunchKernel(
            function,
            gridX,
            gridY,
            gridZ,
            blockX,
            blockY,
            blockZ,
            sharedBytes,
            stream,
            parameters,
            extra);
    return status != 0
        ? status
        : kernels
            .get((int) function - 1)
            .invokeInt(
                new Object[] {
                  gridX, gridY, gridZ, blockX, sharedBytes, extra.getPointer(Native.POINTER_SIZE)
                });
  }
}
