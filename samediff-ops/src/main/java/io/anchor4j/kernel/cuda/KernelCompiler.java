package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/** Makes code for a GPU of CUDA C. */
final class KernelCompiler {
  /** The first with machine code for a named GPU and the list of those it knows. */
  private static final int LEAST_VERSION = 11_020;

  private final Nvrtc nvrtc;
  private final int version;
  private final int[] architectures;

  /** What came of a source. */
  static final class Compiled {
    /** What the driver loads. */
    final byte[] image;

    /** What the compiler said, possibly nothing. */
    final String log;

    Compiled(byte[] image, String log) {
      this.image = image;
      this.log = log;
    }
  }

  /**
   * @throws CudaException if {@code nvrtc} is too old
   */
  KernelCompiler(Nvrtc nvrtc) {
    this.nvrtc = nvrtc;
    var major = new int[1];
    var minor = new int[1];
    check("its version", nvrtc.nvrtcVersion(major, minor));
    version = 1000 * major[0] + 10 * minor[0];
    if (version < LEAST_VERSION) {
      throw new CudaException(
          "NVRTC %s is too old for the kernels: 11.2 or newer is needed (%s names its file)"
              .formatted(versionName(), CudaLibraries.NVRTC_PROPERTY));
    }
    var count = new int[1];
    check("its architectures", nvrtc.nvrtcGetNumSupportedArchs(count));
    architectures = new int[count[0]];
    check("its architectures", nvrtc.nvrtcGetSupportedArchs(architectures));
  }

  /** Returns what kernels for a GPU of that compute capability are compiled to. */
  KernelTarget target(int capability) {
    return KernelTarget.best(capability, architectures);
  }

  String versionName() {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /**
   * Compiles a source.
   *
   * @param options beside language and target, as {@code nvrtc} takes them
   * @throws CudaException with the first error that the compiler found
   */
  Compiled compile(KernelSource source, KernelTarget target, List<String> options) {
    var program = new Pointer[1];
    var names = source.headers().keySet().toArray(String[]::new);
    var texts = new String[names.length];
    for (int i = 0; i < names.length; i++) {
      texts[i] = source.headers().get(names[i]);
    }
    check(
        source.name(),
        nvrtc.nvrtcCreateProgram(
            program, source.text(), source.name(), names.length, texts, names));
    try {
      // Without the last, NVRTC before 13 takes a generic lambda for a function of the host.
      var all =
          new ArrayList<>(
              List.of(target.option(), "--std=c++17", "--device-as-default-execution-space"));
      all.addAll(options);
      int status = nvrtc.nvrtcCompileProgram(program[0], all.size(), all.toArray(String[]::new));
      String log = log(program[0]);
      if (status == Nvrtc.COMPILATION_FAILED) {
        throw new CudaException(
            "NVRTC %s cannot compile %s for %s: %s"
                .formatted(versionName(), source.name(), target.option(), firstError(log)));
      }
      check("compiling " + source.name() + " with " + all, status);
      return new Compiled(image(program[0], target), log);
    } finally {
      nvrtc.nvrtcDestroyProgram(program);
    }
  }

  private byte[] image(Pointer program, KernelTarget target) {
    var size = new long[1];
    if (target.machineCode()) {
      check("machine code", nvrtc.nvrtcGetCUBINSize(program, size));
      var cubin = new byte[(int) size[0]];
      check("machine code", nvrtc.nvrtcGetCUBIN(program, cubin));
      return cubin;
    }
    check("PTX", nvrtc.nvrtcGetPTXSize(program, size));
    var ptx = new byte[(int) size[0]]; // ends with the 0 that the driver looks for
    check("PTX", nvrtc.nvrtcGetPTX(program, ptx));
    return ptx;
  }

  private String log(Pointer program) {
    var size = new long[1];
    check("the log", nvrtc.nvrtcGetProgramLogSize(program, size));
    var log = new byte[(int) size[0]];
    check("the log", nvrtc.nvrtcGetProgramLog(program, log));
    return new String(log, 0, Math.max(0, log.length - 1), UTF_8).strip();
  }

  static String firstError(String log) {
    return log.lines()
        .filter(line -> line.contains("error"))
        .findFirst()
        .orElseGet(() -> log.isEmpty() ? "it gives no reason" : log);
  }

  private void check(String what, int status) {
    if (status != 0) {
      throw new CudaException("NVRTC, " + what + ": " + nvrtc.nvrtcGetErrorString(status));
    }
  }
}
