package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CudaDeviceTest {
  private final FakeDriver driver = new FakeDriver();

  private String refusal() {
    String message =
        assertThrows(CudaException.class, () -> CudaDevice.open(driver, 0)).getMessage();
    assertTrue(message.lines().count() == 1, message);
    assertEquals(0, driver.contexts, "a refused GPU's context is left");
    return message;
  }

  @Test
  void readsWhatTheGpuIs() {
    try (var device = CudaDevice.open(driver, 0)) {
      assertEquals("GPU 0 (Fake H200)", device.toString());
      assertEquals(90, device.capability());
      assertEquals(12_040, device.driverVersion());
      assertEquals(232_448, device.maxSharedBytes());
    }
    assertEquals(0, driver.contexts);
  }

  @Test
  void aMachineWithoutADriverIsNamed() {
    CudaException refusal;
    try {
      CudaLibraries.driver();
      Assumptions.abort("this machine has an NVIDIA driver: its absence is not tested");
      return;
    } catch (CudaException e) {
      refusal = e;
    }
    assertEquals("no NVIDIA driver (libcuda.so.1 not found)", refusal.getMessage());
  }

  @Test
  void noGpu() {
    driver.devices = 0;
    assertEquals(
        "GPU: the driver sees no GPU. CUDA_VISIBLE_DEVICES may hide it; nvidia-smi -L lists them",
        refusal());
  }

  @Test
  void aGpuThatTheDriverDoesNotCount() {
    driver.devices = 2;
    var refusal =
        assertThrows(IllegalArgumentException.class, () -> CudaDevice.open(driver, 2)).getMessage();
    assertEquals("GPU 2 does not exist: the driver sees 2, counted from 0", refusal);
  }

  @Test
  void anOldDriver() {
    driver.version = 10_020;
    assertEquals(
        "the NVIDIA driver serves CUDA 10.2; the kernels need 11.2: update it to 460.27 or newer",
        refusal());
  }

  @Test
  void anOldGpu() {
    driver.capability = 75;
    assertEquals(
        "GPU 0 (Fake H200) has compute capability 7.5; the kernels need 8.0 (Ampere) or newer",
        refusal());
  }

  @ParameterizedTest
  @CsvSource({
    "cuInit, 34, stubs directory",
    "cuInit, 100, nvidia-smi -L",
    "cuInit, 803, Restart the machine",
    "cuInit, 999, dmesg",
    "cuDevicePrimaryCtxRetain, 46, nvidia-smi tells",
    "cuMemPoolSetAttribute, 801, CUDA error 801",
  })
  void adviceForEachWayToFail(String call, int status, String advice) {
    driver.fail(call, status);
    String refusal = refusal();
    assertTrue(refusal.contains(advice), refusal);
  }

  @Test
  void memoryThatThereIsNotIsAskedForInVain() {
    try (var device = CudaDevice.open(driver, 0)) {
      long address = device.allocate("scratch", driver.memoryBytes, 0);
      var error =
          assertThrows(OutOfMemoryError.class, () -> device.allocate("the angles", 40, 0))
              .getMessage();
      assertTrue(error.startsWith("the angles: 40 bytes: the GPU has no memory left."), error);
      assertEquals(driver.memoryBytes, device.usedBytes());
      device.free(address, 0);
      assertEquals(0, device.usedBytes());
    }
  }

  @ParameterizedTest
  @CsvSource({"214", "700", "702", "716", "719", "999"})
  void aLostGpuTellsToStartAgain(int status) {
    try (var device = CudaDevice.open(driver, 0)) {
      driver.fail("cuStreamSynchronize", status);
      var error =
          assertThrows(CudaException.class, () -> device.await("attention", 0)).getMessage();
      assertTrue(error.startsWith("attention: "), error);
      assertTrue(error.endsWith("start it again, from the newest checkpoint"), error);
    }
  }
}
