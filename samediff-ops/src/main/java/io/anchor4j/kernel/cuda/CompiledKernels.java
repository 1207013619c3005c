package io.anchor4j.kernel.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The modules of one GPU, each compiled and loaded when first asked for. */
final class CompiledKernels implements AutoCloseable {
  private final CudaDevice device;
  private final KernelCompiler compiler;
  private final KernelCache cache;
  private final Map<List<String>, KernelModule> modules = new ConcurrentHashMap<>();

  CompiledKernels(CudaDevice device, KernelCompiler compiler, KernelCache cache) {
    this.device = device;
    this.compiler = compiler;
    this.cache = cache;
  }

  /**
   * Returns the module of a source under some macros. The GPU's context is that of the calling
   * thread.
   *
   * @param macros as {@code NAME=VALUE}
   */
  KernelModule module(String source, String... macros) {
    List<String> options = List.of(macros).stream().map(macro -> "-D" + macro).toList();
    var key = new ArrayList<>(List.of(source));
    key.addAll(options);
    return modules.computeIfAbsent(
        key,
        absent -> KernelModule.load(device, compiler, cache, KernelSource.of(source), options));
  }

  @Override
  public void close() {
    modules.values().forEach(KernelModule::close);
    modules.clear();
  }
}
