package io.anchor4j.kernel.cuda;

import io.anchor4j.kernel.KernelProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The provider on the emulated GPU, all of its Java as it runs on a real one. */
public final class EmulatedGpu implements AutoCloseable {
  private final EmulatedDriver driver = new EmulatedDriver();
  private final CudaKernels provider;
  private final CompiledKernels kernels;
  private final MatrixProducts products;
  private final CudaDevice device;

  /**
   * @param cache an empty directory
   */
  public EmulatedGpu(Path cache) {
    if (!EmulatedNvrtc.works()) {
      Assumptions.abort(
          "no g++ on PATH or no emulator in src/test/cpp/cuda: the cuda kernels are not run on the"
              + " emulated GPU");
    }
    device = CudaDevice.open(driver, 0);
    kernels =
        new CompiledKernels(
            device, new KernelCompiler(new EmulatedNvrtc()), new KernelCache(cache, 1 << 20));
    products = new MatrixProducts(new FakeCublas());
    provider = new CudaKernels(device, new HostArrays(device), kernels, products);
  }

  public KernelProvider provider() {
    return provider;
  }

  /** Returns how many allocations were not given back. */
  public int allocations() {
    return driver.allocations();
  }

  @Override
  public void close() {
    products.close();
    kernels.close();
    device.close();
  }
}
