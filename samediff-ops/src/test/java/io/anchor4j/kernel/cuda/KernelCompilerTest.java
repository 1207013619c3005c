package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KernelCompilerTest {
  private static final KernelSource GOOD =
      new KernelSource(
          "good.cu",
          """
          #include "answer.cuh"
          extern "C" __global__ void answer(int* out) { *out = ANSWER + OFFSET; }
          """,
          Map.of("answer.cuh", "#define ANSWER 42\n"));

  @Test
  void choosesMachineCodeOfTheGpuElseThePtxBelow() {
    int[] nvrtc116 = {35, 50, 80, 86, 87};
    assertEquals(new KernelTarget(80, true), KernelTarget.best(80, nvrtc116));
    assertEquals(new KernelTarget(86, true), KernelTarget.best(86, nvrtc116));
    assertEquals(new KernelTarget(87, false), KernelTarget.best(90, nvrtc116));
    assertEquals("--gpu-architecture=compute_87", KernelTarget.best(90, nvrtc116).option());
    assertEquals("--gpu-architecture=sm_86", KernelTarget.best(86, nvrtc116).option());
    var refusal =
        assertThrows(CudaException.class, () -> KernelTarget.best(80, new int[] {100, 120}));
    assertEquals(
        "NVRTC compiles for compute capabilities [100, 120] and not for this GPU's 80",
        refusal.getMessage());
  }

  @Test
  void compilesToMachineCodeAndToPtx() {
    var compiler = new KernelCompiler(TestNvrtc.find());
    var options = List.of("-DOFFSET=7");
    byte[] cubin = compiler.compile(GOOD, new KernelTarget(80, true), options).image;
    assertEquals("\u007fELF", new String(cubin, 0, 4, US_ASCII));
    byte[] ptx = compiler.compile(GOOD, new KernelTarget(80, false), options).image;
    String text = new String(ptx, US_ASCII);
    assertTrue(text.contains(".target sm_80") && text.contains("49"), text);
    assertEquals(0, ptx[ptx.length - 1], "the driver looks for a 0 at the end of PTX");
  }

  @Test
  void aFaultInTheSourceIsNamedByFileAndLine() {
    var compiler = new KernelCompiler(TestNvrtc.find());
    var source = new KernelSource("bad.cu", "__global__ void f() {\n  int a = b;\n}\n", Map.of());
    String message =
        assertThrows(
                CudaException.class,
                () -> compiler.compile(source, new KernelTarget(80, false), List.of()))
            .getMessage();
    assertTrue(
        message.startsWith("NVRTC " + compiler.versionName() + " cannot compile bad.cu for"),
        message);
    assertTrue(message.contains("bad.cu(2): error: identifier \"b\" is undefined"), message);
    assertEquals(1, message.lines().count(), message);
  }

  @Test
  void anUnknownOptionIsNotMistakenForAFaultInTheSource() {
    var compiler = new KernelCompiler(TestNvrtc.find());
    String message =
        assertThrows(
                CudaException.class,
                () -> compiler.compile(GOOD, new KernelTarget(80, false), List.of("--nonsense")))
            .getMessage();
    assertTrue(message.contains("--nonsense"), message);
  }

  @Test
  void aLibraryThatIsNamedMustLoad() {
    String before = System.getProperty(CudaLibraries.NVRTC_PROPERTY);
    System.setProperty(CudaLibraries.NVRTC_PROPERTY, "/no/such/libnvrtc.so");
    try {
      String message = assertThrows(CudaException.class, CudaLibraries::nvrtc).getMessage();
      assertTrue(
          message.startsWith("anchor4j.cuda.nvrtc=/no/such/libnvrtc.so does not load: "), message);
    } finally {
      if (before == null) {
        System.clearProperty(CudaLibraries.NVRTC_PROPERTY);
      } else {
        System.setProperty(CudaLibraries.NVRTC_PROPERTY, before);
      }
    }
  }
}
