package io.anchor4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.anchor4j.kernel.cuda.EmulatedGpu;
import io.anchor4j.testing.AttentionInputs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * What every provider owes, by the cuda provider on an emulated GPU: its own Java, its own CUDA
 * sources compiled by g++. Sizes are what an emulator can do in seconds.
 */
class CudaProviderTest {
  /** Of a product of pairs of bfloat16: 2^-16 of its parts, which may be some times the sum. */
  private static final double PAIR_SCORE_ERROR = 4.0 / (1 << 16);

  @TempDir private static Path cache;
  private static EmulatedGpu gpu;

  @BeforeAll
  static void open() {
    gpu = new EmulatedGpu(cache);
  }

  @AfterAll
  static void close() {
    if (gpu != null) {
      gpu.close();
    }
  }

  /** A property of attention, of one row length and seed. */
  private interface Property {
    void check(AttentionProviderTest test, KernelProvider provider, int tokens, long seed);
  }

  @TestFactory
  List<DynamicTest> attention() {
    var properties = new LinkedHashMap<String, Property>();
    properties.put("float", AttentionProviderTest::everythingInFloatAgreesWithTheReference);
    properties.put("double", AttentionProviderTest::everythingInDoubleAgreesWithTheReference);
    properties.put("leak", AttentionProviderTest::rewritingOneDocumentLeavesTheOthersBitEqual);
    properties.put("padding", AttentionProviderTest::paddingIsExactlyZero);
    var tests = new ArrayList<DynamicTest>();
    properties.forEach(
        (name, property) ->
            IntStream.of(1, 2, 13, 63, 64, 65, 207)
                .forEach(
                    tokens ->
                        seeds(tokens)
                            .forEach(
                                seed ->
                                    tests.add(
                                        dynamicTest(
                                            "%s, T=%d, seed %d".formatted(name, tokens, seed),
                                            () -> {
                                              property.check(
                                                  new AttentionProviderTest(),
                                                  gpu.provider(),
                                                  tokens,
                                                  seed);
                                              assertEquals(0, gpu.allocations());
                                            })))));
    return tests;
  }

  /** Seeds of heads with at most 64 dimensions: wide ones take the emulator long. */
  private static LongStream seeds(int tokens) {
    return LongStream.range(1000L * tokens, 1000L * tokens + 40)
        .filter(seed -> AttentionInputs.random(seed, tokens, DataType.FLOAT).query.size(3) <= 64)
        .limit(tokens < 200 ? 4 : 2);
  }

  @TestFactory
  List<DynamicTest> allElse() {
    var attention = new AttentionProviderTest();
    var companions = new CompanionProviderTest();
    var properties = new LinkedHashMap<String, Consumer<KernelProvider>>();
    properties.put(
        "low precision",
        provider ->
            AttentionProviderTest.lowPrecisionErrsAtMostTwiceAsMuchAsItsPlainVersion(
                provider, PAIR_SCORE_ERROR));
    properties.put("half arrays", attention::halfAndBfloat16ArraysAreComputedInFloatAndRoundedOnce);
    properties.put("batch", attention::aRowGivesTheSameBitsWhateverItsNeighboursInTheBatch);
    properties.put("rmsNorm", companions::rmsNorm);
    properties.put("gatedSilu", companions::gatedSilu);
    properties.put("linear", companions::linear);
    properties.put(
        "tied weight", companions::aTiedWeightIsGivenTransposedAndItsGradientComesBackSo);
    properties.put("bfloat16 weight", companions::aWeightInBfloat16CountsAsItsValue);
    properties.put("unwanted gradients", companions::gradientsThatAreNotWantedChangeNoOther);
    properties.put("rounded products", companions::roundedProductsErrAtMostTwiceAsMuchAsPlainOnes);
    properties.put("weights that change", companions::weightsThatChangeBetweenScopesAreSeen);
    properties.put("rotary", companions::rotary);
    properties.put("adamW", companions::adamWOverManyChunks);
    properties.put("sum of squares", companions::theSumOfSquaresIsExactToTheLastDigitsOfDouble);
    properties.put("sure predictions", companions::theLossOfASurePredictionIsNotNegative);
    return properties.entrySet().stream().map(this::test).toList();
  }

  private DynamicTest test(Map.Entry<String, Consumer<KernelProvider>> property) {
    return dynamicTest(
        property.getKey(),
        () -> {
          new CompanionProviderTest().seed();
          property.getValue().accept(gpu.provider());
          assertEquals(0, gpu.allocations(), "memory that calls kept");
        });
  }
}
