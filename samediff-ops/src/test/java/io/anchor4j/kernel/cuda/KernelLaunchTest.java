package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.kernel.cuda.KernelFunction.Grid;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelLaunchTest {
  private static final KernelParameters.SumParts STRUCT =
      new KernelParameters.SumParts(KernelParameters.NONE, 5, 6, 7, 1, 0);

  private final FakeDriver driver = new FakeDriver();
  private final CudaDevice device = CudaDevice.open(driver, 0);

  private KernelFunction function() {
    var handle = new long[1];
    driver.cuModuleGetFunction(handle, 1, "sum_parts");
    return new KernelFunction(device, "sum_parts", handle[0]);
  }

  @Test
  void handsOverGridStreamAndStruct() {
    var grid = new Grid(3, 2, 4, 256, 0);
    function().launch(grid, STRUCT, 77);
    FakeDriver.Launch launch = driver.launches.get(0);
    assertEquals("sum_parts", launch.kernel());
    assertEquals(grid, launch.grid());
    assertEquals(77, launch.stream());
    assertEquals(80, launch.argument().remaining());
    assertArrayEquals(ParameterStruct.pack(STRUCT), launch.argument().array());
  }

  @Test
  void asksForSharedMemoryOnceWhereItIsMoreThanUsual() {
    KernelFunction function = function();
    for (int bytes : List.of(0, 49_152, 49_153, 49_153, 60_000, 50_000)) {
      function.launch(new Grid(1, 1, 1, 32, bytes), STRUCT, 0);
    }
    assertEquals(
        List.of("sum_parts 8=49153", "sum_parts 8=60000"),
        driver.calls.stream().filter(call -> call.startsWith("sum_parts")).toList());
    assertEquals(6, driver.launches.size());
  }

  @Test
  void refusesMoreSharedMemoryThanABlockHas() {
    driver.maxSharedBytes = 101_376;
    var small = CudaDevice.open(driver, 0);
    var function = new KernelFunction(small, "wide", 1);
    var refusal =
        assertThrows(
            CudaException.class, () -> function.launch(new Grid(1, 1, 1, 32, 101_377), STRUCT, 0));
    assertEquals(
        "wide wants 101377 bytes of shared memory; a block of GPU 0 (Fake H200) has at most 101376",
        refusal.getMessage());
    assertEquals(Collections.emptyList(), driver.launches);
  }

  @Test
  void namesTheKernelThatCannotBeLaunched() {
    driver.fail("cuLaunchKernel", 701);
    var error =
        assertThrows(
            CudaException.class, () -> function().launch(new Grid(1, 1, 1, 32, 0), STRUCT, 0));
    assertEquals(
        "sum_parts: the kernel asks for more registers or shared memory than the GPU has (CUDA"
            + " error 701)",
        error.getMessage());
  }
}
