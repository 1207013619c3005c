package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.anchor4j.kernel.cuda.KernelCompiler.Compiled;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** NVRTC compiles every kernel for every architecture that it knows of those in use. */
class KernelSourcesTest {
  private static final int[] CAPABILITIES = {80, 86, 89, 90};
  private static final int[] TUNED_SIZES = {64, 128};
  private static final int[] ALL_SIZES = {16, 64, 128, 256};

  /**
   * Bytes a thread, stored and loaded. Forward attention of 128 dimensions needs a little more than
   * 255 registers: by NVRTC 12.6 for compute capability 9.0, 24 and 64 in bfloat16, 12 and 16
   * compensated; no other tuned kernel spills.
   */
  private static final int MOST_SPILLED_BYTES = 96;

  private static final Pattern SPILL = Pattern.compile("(\\d+) bytes spill (stores|loads)");
  private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

  static Stream<Arguments> modules() {
    return IntStream.of(CAPABILITIES)
        .boxed()
        .flatMap(
            capability ->
                Stream.of(
                        Stream.of(module("attention_prepare.cu"), module("companions.cu")),
                        IntStream.of(capability == 80 ? ALL_SIZES : TUNED_SIZES)
                            .boxed()
                            .flatMap(
                                headDim ->
                                    Stream.of(
                                        module("attention_pairs.cu", headDim, "COMPENSATED=0"),
                                        module("attention_pairs.cu", headDim, "COMPENSATED=1"),
                                        module("attention_plain.cu", headDim, "REAL=float"),
                                        module("attention_plain.cu", headDim, "REAL=double"))))
                    .flatMap(modules -> modules)
                    .map(module -> arguments(capability, module)));
  }

  private static List<String> module(String source) {
    return List.of(source);
  }

  private static List<String> module(String source, int headDim, String macro) {
    return List.of(source, "-DHEAD_DIM=" + headDim, "-D" + macro);
  }

  @ParameterizedTest(name = "{1} for {0}")
  @MethodSource("modules")
  void compilesAndFits(int capability, List<String> module) {
    Nvrtc nvrtc = TestNvrtc.find();
    var compiler = new KernelCompiler(nvrtc);
    KernelTarget target = compiler.target(capability);
    if (!target.machineCode()) {
      Assumptions.abort(
          "NVRTC %s has no machine code for %d: registers are not counted"
              .formatted(compiler.versionName(), capability));
    }
    var options = new ArrayList<>(module.subList(1, module.size()));
    options.add("--ptxas-options=-v");
    Compiled compiled = compiler.compile(KernelSource.of(module.get(0)), target, options);
    assertTrue(compiled.image.length > 1000, "an image of " + compiled.image.length + " bytes");
    assertTrue(compiled.log.contains("registers"), "ptxas tells nothing: " + compiled.log);
    SHARED
        .matcher(compiled.log)
        .results()
        .forEach(
            found -> assertTrue(Integer.parseInt(found.group(1)) <= 48 << 10, () -> compiled.log));
    boolean tuned = module.contains("-DHEAD_DIM=64") || module.contains("-DHEAD_DIM=128");
    if (tuned && module.get(0).equals("attention_pairs.cu")) {
      assertTrue(spilled(compiled.log) <= MOST_SPILLED_BYTES, () -> compiled.log);
    }
  }

  /** Stores and loads of all kernels of a module. */
  private static int spilled(String log) {
    return SPILL.matcher(log).results().mapToInt(found -> Integer.parseInt(found.group(1))).sum();
  }
}
