package io.anchor4j.kernel.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.ProviderStatus;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.testing.AttentionInputs;
import io.anchor4j.testing.AttentionInputs.Results;
import io.anchor4j.testing.ErrorBudget;
import io.anchor4j.testing.Providers;
import java.util.Arrays;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What the tests of all providers do not ask: threads, memory, views, properties. */
@EnabledIfSystemProperty(named = Providers.BUILT, matches = ".*cpu.*")
class CpuKernelsTest {

  static Stream<InstructionSet> supported() {
    return Arrays.stream(InstructionSet.values()).filter(InstructionSet::supported);
  }

  @AfterEach
  void threadsOfTheOtherTests() {
    CpuKernels.find();
  }

  @ParameterizedTest
  @MethodSource("supported")
  void anyNumberOfThreadsGivesTheSameBits(InstructionSet isa) {
    var kernels = new CpuKernels(isa);
    int processors = Runtime.getRuntime().availableProcessors();
    for (long seed = 0; seed < 8; seed++) {
      var inputs = AttentionInputs.random(seed, 207, DataType.FLOAT);
      NativeKernels.a4j_set_threads(1);
      Results one = inputs.run(kernels);
      for (int threads = 2; threads <= processors + 1; threads++) {
        NativeKernels.a4j_set_threads(threads);
        Results many = inputs.run(kernels);
        String what = threads + " threads, " + inputs;
        assertSameBits(what, one.output(), many.output());
        assertSameBits(what, one.logSumExp(), many.logSumExp());
        assertSameBits(what, one.queryGradient(), many.queryGradient());
        assertSameBits(what, one.keyGradient(), many.keyGradient());
        assertSameBits(what, one.valueGradient(), many.valueGradient());
      }
    }
  }

  private static void assertSameBits(String what, INDArray expected, INDArray actual) {
    assertArrayEquals(ErrorBudget.values(expected), ErrorBudget.values(actual), 0, what);
  }

  @ParameterizedTest
  @MethodSource("supported")
  void viewsWithOffsetsGiveTheBitsOfCopiesAndNothingAroundThemIsTouched(InstructionSet isa) {
    var kernels = new CpuKernels(isa);
    var config =
        AttentionConfig.DEFAULT
            .withMask(AttentionMask.ANCHOR)
            .withRotary(RotaryConfig.of(10_000).withDimensions(6));
    // Heads, tokens and dimensions 1 to n of something larger, once more permuted.
    INDArray query = inner(Nd4j.randn(DataType.FLOAT, 3, 22, 6, 11)).permute(0, 2, 1, 3);
    INDArray key = inner(Nd4j.randn(DataType.FLOAT, 3, 4, 22, 11));
    INDArray value = inner(Nd4j.randn(DataType.FLOAT, 3, 22, 11, 4)).permute(0, 3, 1, 2);
    INDArray documents = Nd4j.createFromArray(new int[22][4]).permute(1, 0);
    INDArray ids = documents.get(NDArrayIndex.interval(1, 2), NDArrayIndex.interval(1, 21));
    for (int t = 0; t < 20; t++) {
      ids.putScalar(0, t, t % 3);
    }
    INDArray around = Nd4j.valueArrayOf(new long[] {3, 22, 6, 11}, 7f, DataType.FLOAT);
    INDArray view = inner(around).permute(0, 2, 1, 3);
    INDArray statistics = Nd4j.create(DataType.FLOAT, 1, 4, 20);
    kernels.attention(
        AttentionArguments.of("test", config, query, key, value, ids, null), view, statistics);

    INDArray expected = Nd4j.create(DataType.FLOAT, 1, 4, 20, 9);
    kernels.attention(
        AttentionArguments.of(
            "test", config, query.dup('c'), key.dup('c'), value.dup('c'), ids.dup('c'), null),
        expected,
        statistics.dup());
    assertSameBits("output", expected, view);
    view.assign(7);
    assertEquals(7, around.minNumber().doubleValue());
    assertEquals(7, around.maxNumber().doubleValue());
  }

  /** [1, n - 2, m - 2, k - 2] in the middle of [3, n, m, k]. */
  private static INDArray inner(INDArray array) {
    return array.get(
        NDArrayIndex.interval(1, 2),
        NDArrayIndex.interval(1, array.size(1) - 1),
        NDArrayIndex.interval(1, array.size(2) - 1),
        NDArrayIndex.interval(1, array.size(3) - 1));
  }

  @Test
  void thousandsOfCallsLeaveNativeMemoryAsItWas() {
    var kernels = new CpuKernels(InstructionSet.best());
    var rotary = AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(10_000)).withAlibi(true);
    var inputs = AttentionInputs.oneDocument(1, 512, rotary);
    INDArray output = inputs.query.dup();
    INDArray logSumExp = Nd4j.create(DataType.FLOAT, 1, 2, 512);
    long bytes = 0;
    long physical = 0;
    for (int call = 0; call < 4200; call++) {
      if (call == 200) { // scratch has its size, the compiler has done its work
        bytes = Pointer.totalBytes();
        physical = Pointer.physicalBytes();
      }
      int[] positions = inputs.positions[0].clone();
      positions[511] += call % 7; // more tables than are kept
      kernels.attention(arguments(inputs, positions), output, logSumExp);
    }
    System.gc(); // the arrays of ids and positions that this test made
    long after = Pointer.totalBytes();
    long start = bytes;
    assertTrue(after <= start + (1 << 20), () -> start + " bytes before, after " + after);
    long grown = Pointer.physicalBytes() - physical;
    // A lost 100 KB a call would be 400 MB; the heap may grow by some itself.
    assertTrue(grown < 256 << 20, () -> "grown by " + grown + " bytes");
  }

  private static AttentionArguments arguments(AttentionInputs inputs, int[] positions) {
    return AttentionArguments.of(
        "test",
        inputs.config,
        inputs.query,
        inputs.key,
        inputs.value,
        Nd4j.createFromArray(inputs.documents),
        Nd4j.createFromArray(new int[][] {positions}));
  }

  @Test
  void weightsThatAreNotOneBlockCannotBeHeld() {
    var kernels = new CpuKernels(InstructionSet.best());
    INDArray view =
        Nd4j.create(DataType.FLOAT, 4, 6).get(NDArrayIndex.all(), NDArrayIndex.interval(1, 3));
    var refusal = assertThrows(IllegalArgumentException.class, () -> kernels.holdWeights(view));
    assertEquals(
        "holdWeights: parameters: strides [6, 1] of shape [4, 2], expected one contiguous block",
        refusal.getMessage());
  }

  @Test
  void theBestInstructionSetIsTakenAndFasterOnesAreExplained() {
    ProviderStatus status = CpuKernels.find("auto", "1", /* hostArrays= */ true);
    String best = InstructionSet.best().cliName();
    assertEquals("cpu (" + best + ", 1 thread)", status.provider().orElseThrow().description());
    for (InstructionSet isa : InstructionSet.values()) {
      boolean faster = isa.compareTo(InstructionSet.best()) > 0;
      assertEquals(faster, status.note().contains(isa.cliName() + " "), status.note());
    }
  }

  @Test
  void anInstructionSetAskedForByNameIsUsed() {
    ProviderStatus status = CpuKernels.find("scalar", "3", /* hostArrays= */ true);
    assertEquals("cpu (scalar, 3 threads)", status.provider().orElseThrow().description());
    assertTrue(
        InstructionSet.best() == InstructionSet.SCALAR
            || status.note().contains("is left out by anchor4j.cpu.isa"),
        status.note());
  }

  @ParameterizedTest
  @EnumSource(InstructionSet.class)
  void anInstructionSetThatIsNotHereIsRefusedAndNotReplaced(InstructionSet isa) {
    if (isa.supported()) {
      assertTrue(CpuKernels.find(isa.cliName(), "", /* hostArrays= */ true).provider().isPresent());
      return;
    }
    var refusal =
        assertThrows(
            IllegalArgumentException.class,
            () -> CpuKernels.find(isa.cliName(), "", /* hostArrays= */ true));
    String start = "anchor4j.cpu.isa=" + isa.cliName() + " cannot be had: " + isa.cliName();
    assertTrue(refusal.getMessage().startsWith(start), refusal.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new CpuKernels(isa));
  }

  @Test
  void propertiesWithoutMeaningAreRefusedWithWhatWasFoundAndExpected() {
    assertRefused(
        "anchor4j.cpu.isa must be auto, scalar, avx2, avx512, avx512-bf16, amx-bf16, got \"sse\"",
        "sse",
        "");
    for (String threads : new String[] {"0", "-1", "2000", "two", "1.5", " 2"}) {
      assertRefused(
          "anchor4j.cpu.threads must be an integer from 1 to 1024, got \"" + threads + "\"",
          "auto",
          threads);
    }
  }

  private static void assertRefused(String message, String isa, String threads) {
    var refusal =
        assertThrows(
            IllegalArgumentException.class,
            () -> CpuKernels.find(isa, threads, /* hostArrays= */ true));
    assertEquals(message, refusal.getMessage());
  }

  @Test
  void arraysInTheMemoryOfAGpuAreNotForIt() {
    ProviderStatus status = CpuKernels.find("auto", "", /* hostArrays= */ false);
    assertTrue(status.provider().isEmpty());
    assertEquals("ND4J's backend keeps its arrays in the memory of a GPU", status.note());
    var refusal =
        assertThrows(
            IllegalArgumentException.class,
            () -> CpuKernels.find("scalar", "", /* hostArrays= */ false));
    assertTrue(refusal.getMessage().contains(status.note()), refusal.getMessage());
  }
}
