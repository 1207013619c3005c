package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.cuda.KernelFunction.Grid;
import io.anchor4j.rotary.RotaryConfig;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What the provider asks of the driver, written down by one that computes nothing. */
class CudaLaunchesTest {
  private static final AttentionConfig CONFIG =
      AttentionConfig.DEFAULT
          .withMask(AttentionMask.ANCHOR)
          .withWindow(99)
          .withScale(0.25)
          .withAlibi(true)
          .withRotary(RotaryConfig.of(10_000).withDimensions(64));

  @TempDir private Path cache;
  private final FakeDriver driver = new FakeDriver();
  private CudaKernels provider;

  @BeforeEach
  void open() {
    provider = provider(driver);
  }

  private CudaKernels provider(FakeDriver driver) {
    var device = CudaDevice.open(driver, 0);
    var compiler = new KernelCompiler(new FakeNvrtc());
    var kernels = new CompiledKernels(device, compiler, new KernelCache(cache, 1 << 20));
    return new CudaKernels(
        device, new HostArrays(device), kernels, new MatrixProducts(new FakeCublas()));
  }

  /** B 2, H 8, Hkv 2, Tq 70, T 300, D 96. */
  private static AttentionArguments arguments(Precision precision) {
    INDArray keys = Nd4j.ones(DataType.FLOAT, 2, 2, 300, 96);
    return AttentionArguments.of(
        "test",
        CONFIG.withPrecision(precision),
        Nd4j.ones(DataType.FLOAT, 2, 8, 70, 96),
        keys,
        keys,
        null,
        null);
  }

  private void attention(AttentionArguments arguments) {
    provider.attention(
        arguments,
        Nd4j.create(DataType.FLOAT, 2, 8, 70, 96),
        Nd4j.create(DataType.FLOAT, 2, 8, 70));
  }

  private void attentionGradient(AttentionArguments arguments) {
    INDArray queries = Nd4j.create(DataType.FLOAT, 2, 8, 70, 96);
    INDArray keys = Nd4j.create(DataType.FLOAT, 2, 2, 300, 96);
    provider.attentionGradient(
        arguments,
        queries,
        Nd4j.create(DataType.FLOAT, 2, 8, 70),
        queries.dup(),
        queries.dup(),
        keys,
        keys.dup());
  }

  private List<String> launched() {
    return driver.launches.stream().map(launch -> launch.kernel() + " " + launch.grid()).toList();
  }

  private static String launch(String kernel, int x, int y, int z, int threads, int shared) {
    return kernel + " " + new Grid(x, y, z, threads, shared);
  }

  private List<String> modules() {
    return driver.images.stream().map(i -> new String(i, StandardCharsets.UTF_8)).toList();
  }

  @Test
  void forwardByTensorCores() {
    attention(arguments(Precision.BFLOAT16));
    // The queries are tokens 230 to 299 and lie in tiles 3 and 4: rows from token 192 on.
    assertEquals(
        List.of(
            launch("rotary_angles", (2 * 300 * 32 + 255) / 256, 1, 1, 256, 0),
            launch("attention_tiles", 5, 2, 1, 32, 0),
            launch("attention_pack", 384 / 8, 8 + 2 * 2, 2, 256, 0),
            launch("attention_forward", 1, 8, 2, 128, 2 * 104 * (128 + 64 * 2) + 8 * 64)),
        launched());
    assertEquals(
        List.of("attention_prepare.cu ", "attention_pairs.cu -DHEAD_DIM=96 -DCOMPENSATED=0"),
        modules());
  }

  @Test
  void backwardWithPairsOfBfloat16() {
    attentionGradient(arguments(Precision.BFLOAT16_COMPENSATED));
    int shared = 2 * 104 * 3 * (64 + 32) + 16 * 32;
    assertEquals(
        List.of(
            launch("attention_pack", 384 / 8, 8 + 2 * 2 + 8, 2, 256, 0),
            launch("attention_backward_keys", 5, 2, 2, 128, shared),
            launch("attention_backward_queries", 2, 8, 2, 128, shared)),
        launched().subList(2, 5));
    assertTrue(modules().contains("attention_pairs.cu -DHEAD_DIM=96 -DCOMPENSATED=1"));
    assertTrue(driver.calls.contains("attention_backward_keys 8=" + shared), "shared memory");
  }

  @Test
  void forwardInFloat() {
    attention(arguments(Precision.FLOAT32));
    int shared = (4 * 32 * 97 + 2 * 32 * 33) * 4 + 32 * 32;
    assertEquals(launch("attention_forward", 4, 8, 2, 256, shared), launched().get(3));
    assertTrue(modules().contains("attention_plain.cu -DHEAD_DIM=96 -DREAL=float"));
  }

  @Test
  void theStructSaysWhatWasAsked() {
    attention(arguments(Precision.BFLOAT16));
    ByteBuffer struct = driver.launches.get(3).argument();
    var fields = ParameterStruct.fields(ParameterStructTest.attention());
    for (Object[] expected :
        new Object[][] {
          {"scale", 0.25},
          {"sizes.batch", 2},
          {"sizes.heads", 8},
          {"sizes.kvHeads", 2},
          {"sizes.queries", 70},
          {"sizes.tokens", 300},
          {"sizes.headDim", 96},
          {"sizes.packedDim", 96},
          {"sizes.queryRows", 128},
          {"sizes.keyRows", 384},
          {"rules.rotaryPairs", 32},
          {"rules.pairing", 0},
          {"rules.mask", 2},
          {"rules.causal", 1},
          {"rules.window", 99},
          {"rules.format", 1},
          {"operands.packedQueryLow", 0L},
          {"operands.rowDelta", 0L},
          {"arrays.outputGradient.data", 0L},
          {"arrays.logSumExp.stride[0]", 8L * 70},
          {"arrays.logSumExp.stride[2]", 1L},
          {"arrays.query.stride[1]", 70L * 96},
        }) {
      int offset =
          fields.stream()
              .filter(field -> field.path().equals(expected[0]))
              .findFirst()
              .orElseThrow()
              .offset();
      Object actual =
          expected[1] instanceof Double
              ? (Object) struct.getDouble(offset)
              : expected[1] instanceof Long
                  ? (Object) struct.getLong(offset)
                  : (Object) struct.getInt(offset);
      assertEquals(expected[1], actual, (String) expected[0]);
    }
  }

  @Test
  void memoryIsBackAtItsStartAfterAThousandSteps() {
    var arguments = arguments(Precision.BFLOAT16_COMPENSATED);
    INDArray flat = Nd4j.ones(DataType.FLOAT, 1, 1000);
    INDArray gradients = flat.dup();
    for (int step = 1; step <= 1000; step++) {
      attention(arguments);
      attentionGradient(arguments);
      provider.sumOfSquares(gradients);
      provider.adamW(
          new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0, step, 1),
          flat,
          gradients,
          flat.dup(),
          flat.dup());
      assertEquals(0, driver.allocations(), "step " + step);
    }
    assertEquals(3, driver.modules, "modules are loaded once: prepare, pairs, companions");
  }

  @Test
  void memoryIsGivenBackWhereACallRunsOutOfIt() {
    driver.memoryBytes = 3 << 20;
    var error =
        assertThrows(
            OutOfMemoryError.class, () -> attentionGradient(arguments(Precision.BFLOAT16)));
    assertTrue(error.getMessage().contains("the GPU has no memory left"), error.getMessage());
    assertEquals(0, driver.allocations());
  }

  @ParameterizedTest
  @CsvSource({
    "cuLaunchKernel, 701, more registers or shared memory",
    "cuStreamSynchronize, 700, went outside its arrays",
    "cuStreamSynchronize, 719, from the newest checkpoint",
    "cuMemcpyHtoDAsync_v2, 999, lost the GPU",
    "cuModuleLoadData, 209, compiled for another GPU",
    "cuModuleLoadData, 222, Update the NVIDIA driver",
  })
  void eachFaultIsOneLineAndLeavesNoMemory(String call, int status, String words) {
    driver.fail(call, status);
    var error =
        assertThrows(CudaException.class, () -> attention(arguments(Precision.BFLOAT16)))
            .getMessage();
    assertTrue(error.contains(words), error);
    assertEquals(1, error.lines().count(), error);
    assertEquals(0, driver.allocations());
  }

  @Test
  void arraysOfMoreDimensionsAreRefusedByName() {
    INDArray deep = Nd4j.ones(DataType.FLOAT, 1, 2, 1, 2, 2);
    var refusal =
        assertThrows(
            UnsupportedOperationException.class, () -> provider.gatedSilu(deep, deep, deep.dup()));
    assertEquals(
        "the cuda kernels take arrays of at most 4 dimensions, got [1, 2, 1, 2, 2]",
        refusal.getMessage());
  }

  @Test
  void saysWhatItComputesWith() {
    assertEquals(
        "cuda (GPU 0 (Fake H200), compute capability 9.0, arrays copied for each call)",
        provider.description());
  }
}
