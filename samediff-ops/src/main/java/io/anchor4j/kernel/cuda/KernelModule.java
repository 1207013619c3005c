package io.anchor4j.kernel.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The kernels of one source on one GPU. */
final class KernelModule implements AutoCloseable {
  private final CudaDevice device;
  private final String source;
  private final long handle;
  private final Map<String, KernelFunction> functions = new ConcurrentHashMap<>();

  private KernelModule(CudaDevice device, String source, long handle) {
    this.device = device;
    this.source = source;
    this.handle = handle;
  }

  /**
   * Loads a source, compiled now or before.
   *
   * @param options beside language and target, as NVRTC takes them
   * @throws CudaException if it does not compile or load
   */
  static KernelModule load(
      CudaDevice device,
      KernelCompiler compiler,
      KernelCache cache,
      KernelSource source,
      List<String> options) {
    KernelTarget target = compiler.target(device.capability());
    var all = new ArrayList<>(options);
    all.add(target.option());
    String key = KernelCache.key(source, all, compiler.versionName(), device.driverVersion());
    byte[] image = cache.get(key, () -> compiler.compile(source, target, options).image);
    var module = new long[1];
    CudaStatus.check("loading " + source.name(), device.driver().cuModuleLoadData(module, image));
    return new KernelModule(device, source.name(), module[0]);
  }

  /** Returns the kernel of that name ({@code extern "C"} in the source). */
  KernelFunction function(String name) {
    return functions.computeIfAbsent(
        name,
        absent -> {
          var function = new long[1];
          CudaStatus.check(
              name + " of " + source, device.driver().cuModuleGetFunction(function, handle, name));
          return new KernelFunction(device, name, function[0]);
        });
  }

  @Override
  public void close() {
    CudaStatus.check("unloading " + source, device.driver().cuModuleUnload(handle));
  }
}
