package io.anchor4j.nd4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.kernel.cuda.InstalledGpu;
import java.util.Locale;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.factory.Nd4jBackend;

/** The tests' class path has nd4j-native and not nd4j-cuda. */
class AnchorCublasBackendTest {

  @Test
  void isFoundButNotAskedForWithoutNd4jCuda() {
    assertTrue(
        ServiceLoader.load(Nd4jBackend.class).stream()
            .anyMatch(provider -> provider.type() == AnchorCublasBackend.class));
    var cpu = new AnchorCpuBackend();
    var gpu = new AnchorCublasBackend();
    assertTrue(gpu.getPriority() < cpu.getPriority(), "ND4J would log that it is not there");
    assertEquals(AnchorCpuBackend.class, Nd4j.getBackend().getClass());
    var refusal = assertThrows(IllegalStateException.class, gpu::canRun);
    assertEquals("nd4j-cuda-11.6 is not on the class path", refusal.getMessage());
  }

  @Test
  void anArchitectureWithoutKernelsOfNd4jIsRefusedInOneLine() {
    AnchorCublasBackend.checkServed(new InstalledGpu("GPU 0 (NVIDIA A10)", 86));
    AnchorCublasBackend.checkServed(new InstalledGpu("GPU 0 (NVIDIA L4)", 89));
    var refusal =
        assertThrows(
            IllegalStateException.class,
            () -> AnchorCublasBackend.checkServed(new InstalledGpu("GPU 0 (NVIDIA H200)", 90)));
    assertEquals(
        "GPU 0 (NVIDIA H200) has compute capability 9.0, and ND4J's CUDA backend M2.1 holds machine"
            + " code for 3.7 to 8.6 alone: none of its kernels runs here. Use nd4j-native with"
            + " -Danchor4j.kernels=cuda: the anchor kernels then compute on this GPU",
        refusal.getMessage());
  }

  @Test
  void hardwareIsToldByTheClassName() {
    // HardwareMetric of DL4J takes any other name for a CPU's.
    assertTrue(
        AnchorCublasBackend.class.getSimpleName().toLowerCase(Locale.ROOT).contains("cublas"));
  }
}
