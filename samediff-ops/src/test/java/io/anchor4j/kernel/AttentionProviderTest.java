package io.anchor4j.kernel;

import static io.anchor4j.testing.ErrorBudget.assertClose;
import static io.anchor4j.testing.ErrorBudget.maxError;
import static io.anchor4j.testing.ErrorBudget.values;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Named.named;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import io.anchor4j.testing.AttentionInputs;
import io.anchor4j.testing.AttentionInputs.Results;
import io.anchor4j.testing.NaiveAttention;
import io.anchor4j.testing.Providers;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What every provider owes, over sizes on both sides of each tile edge. */
class AttentionProviderTest {
  private static final KernelProvider REFERENCE = KernelProviders.named("reference");

  /** Awkward sizes times seeds times every provider that loads here. */
  static Stream<Arguments> providersTokensAndSeeds() {
    return tokensAndSeedsTimes(Providers.all().toList());
  }

  /** The same with one provider for all instruction sets: none of them computes in double. */
  static Stream<Arguments> doubleProvidersTokensAndSeeds() {
    return tokensAndSeedsTimes(
        KernelProviders.available().map(provider -> named(provider.name(), provider)).toList());
  }

  private static Stream<Arguments> tokensAndSeedsTimes(List<Named<KernelProvider>> providers) {
    return IntStream.of(1, 2, 13, 63, 64, 65, 207)
        .boxed()
        .flatMap(
            tokens ->
                IntStream.range(0, tokens < 100 ? 12 : 4)
                    .mapToLong(seed -> 1000L * tokens + seed)
                    .boxed()
                    .flatMap(
                        seed ->
                            providers.stream().map(provider -> arguments(provider, tokens, seed))));
  }

  static Stream<Named<KernelProvider>> fastProviders() {
    return Providers.fast();
  }

  @Test
  void thisBuildHasTheProvidersItPromises() {
    List<ProviderStatus> found = KernelProviders.all().toList();
    List<String> names = KernelProviders.available().map(KernelProvider::name).toList();
    assertTrue(names.containsAll(Providers.built()), found.toString());
  }

  @ParameterizedTest(name = "{0}, T={1}, seed {2}")
  @MethodSource("doubleProvidersTokensAndSeeds")
  void theOutputIsThatOfTheRulesInWords(KernelProvider provider, int tokens, long seed) {
    var random = AttentionInputs.random(seed, tokens, DataType.DOUBLE);
    var rotary = random.config.rotary();
    var inputs =
        random.with(
            random.config.withRotary(
                rotary == null ? null : rotary.withScaling(RotaryScaling.NONE)));
    double[][][][] expected = NaiveAttention.output(inputs);
    INDArray output = inputs.run(provider).output();
    assertClose(inputs.toString(), output, Nd4j.createFromArray(expected), 1e-11);
  }

  @ParameterizedTest(name = "{0}, T={1}, seed {2}")
  @MethodSource("providersTokensAndSeeds")
  void everythingInFloatAgreesWithTheReference(KernelProvider provider, int tokens, long seed) {
    var inputs = AttentionInputs.random(seed, tokens, DataType.FLOAT);
    Results expected = inputs.as(DataType.DOUBLE).run(REFERENCE);
    assertResultsClose(inputs, inputs.run(provider), expected, 1e-5);
  }

  @ParameterizedTest(name = "{0}, T={1}, seed {2}")
  @MethodSource("doubleProvidersTokensAndSeeds")
  void everythingInDoubleAgreesWithTheReference(KernelProvider provider, int tokens, long seed) {
    var inputs = AttentionInputs.random(seed, tokens, DataType.DOUBLE);
    assertResultsClose(inputs, inputs.run(provider), inputs.run(REFERENCE), 1e-11);
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void rowsOfManyTilesAgreeWithTheReference(KernelProvider provider) {
    for (long seed = 0; seed < 4; seed++) {
      var inputs = AttentionInputs.random(seed, 1000, DataType.FLOAT);
      Results expected = inputs.as(DataType.DOUBLE).run(REFERENCE);
      assertResultsClose(inputs, inputs.run(provider), expected, 1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void aDocumentOfManyTilesAndRotaryTablesAgreesWithTheReference(KernelProvider provider) {
    var plain = AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(10_000));
    for (AttentionConfig config :
        List.of(plain, plain.withCausal(false), plain.withWindow(1100), plain.withAlibi(true))) {
      var inputs = AttentionInputs.oneDocument(7, 2500, config);
      Results expected = inputs.as(DataType.DOUBLE).run(REFERENCE);
      assertResultsClose(inputs, inputs.run(provider), expected, 1e-5);
    }
  }

  private static void assertResultsClose(
      AttentionInputs inputs, Results actual, Results expected, double relative) {
    String what = inputs.toString();
    assertClose("output, " + what, actual.output(), expected.output(), relative);
    assertClose("logSumExp, " + what, actual.logSumExp(), expected.logSumExp(), relative);
    assertClose("dq, " + what, actual.queryGradient(), expected.queryGradient(), relative);
    assertClose("dk, " + what, actual.keyGradient(), expected.keyGradient(), relative);
    assertClose("dv, " + what, actual.valueGradient(), expected.valueGradient(), relative);
  }

  @Test
  void gradientsOfTheReferenceAreFiniteDifferences() {
    for (long seed = 0; seed < 12; seed++) {
      var inputs = AttentionInputs.random(seed, 9, DataType.DOUBLE);
      Results results = inputs.run(REFERENCE);
      checkGradient(inputs, inputs.query, results.queryGradient());
      checkGradient(inputs, inputs.key, results.keyGradient());
      checkGradient(inputs, inputs.value, results.valueGradient());
    }
  }

  private static void checkGradient(AttentionInputs inputs, INDArray input, INDArray gradient) {
    double step = 1e-5;
    double[] expected = values(gradient);
    for (int i = 0; i < input.length(); i += 1 + (int) input.length() / 20) {
      long[] index = unravel(i, input.shape());
      double before = input.getDouble(index);
      input.putScalar(index, before + step);
      double above = weightedOutput(inputs);
      input.putScalar(index, before - step);
      double below = weightedOutput(inputs);
      input.putScalar(index, before);
      assertEquals((above - below) / (2 * step), expected[i], 1e-6, inputs.toString());
    }
  }

  private static long[] unravel(long index, long[] shape) {
    var place = new long[shape.length];
    for (int d = shape.length - 1; d >= 0; d--) {
      place[d] = index % shape[d];
      index /= shape[d];
    }
    return place;
  }

  private static double weightedOutput(AttentionInputs inputs) {
    return inputs.run(REFERENCE).output().mul(inputs.outputGradient).sumNumber().doubleValue();
  }

  @ParameterizedTest(name = "{0}, T={1}, seed {2}")
  @MethodSource("providersTokensAndSeeds")
  void rewritingOneDocumentLeavesTheOthersBitEqual(KernelProvider provider, int tokens, long seed) {
    var random = AttentionInputs.random(seed, tokens, DataType.FLOAT);
    var inputs =
        random.config.mask() == AttentionMask.FULL
            ? random.with(random.config.withMask(AttentionMask.INTRA_DOCUMENT))
            : random;
    Results before = inputs.run(provider);
    var copies =
        new Results(
            before.output().dup(),
            before.logSumExp().dup(),
            before.queryGradient().dup(),
            before.keyGradient().dup(),
            before.valueGradient().dup());
    int document = lastDocument(inputs.documents[0]);
    // 1e6, not 1: a mask that adds -10000 instead of excluding leaks only under large scores.
    overwrite(inputs, document, 1e6);
    Results after = inputs.run(provider);
    for (int b = 0; b < inputs.documents.length; b++) {
      int[] ids = inputs.documents[b];
      boolean anchored = inputs.config.mask() == AttentionMask.ANCHOR;
      for (int t = 0; t < ids.length; t++) {
        if (ids[t] == document) {
          continue;
        }
        int q = t - (ids.length - (int) inputs.query.size(2));
        if (q >= 0) {
          assertRowEqual(inputs, copies.output(), after.output(), b, q);
          assertRowEqual(inputs, copies.queryGradient(), after.queryGradient(), b, q);
        }
        if (!(anchored && ids[t] == AttentionMask.ANCHOR_ID)) {
          // An anchor's own key and value do serve the rewritten document.
          assertRowEqual(inputs, copies.keyGradient(), after.keyGradient(), b, t);
          assertRowEqual(inputs, copies.valueGradient(), after.valueGradient(), b, t);
        }
      }
    }
  }

  private static int lastDocument(int[] documents) {
    return IntStream.of(documents).max().orElseThrow();
  }

  /** Documents only: rewriting anchors or padding is not what the property is about. */
  private static void overwrite(AttentionInputs inputs, int document, double value) {
    if (document <= 0) {
      return;
    }
    for (int b = 0; b < inputs.documents.length; b++) {
      for (int t = 0; t < inputs.documents[b].length; t++) {
        if (inputs.documents[b][t] == document) {
          int q = t - (inputs.documents[b].length - (int) inputs.query.size(2));
          fill(inputs.key, b, t, value);
          fill(inputs.value, b, t, value);
          if (q >= 0) {
            fill(inputs.query, b, q, value);
            fill(inputs.outputGradient, b, q, value);
          }
        }
      }
    }
  }

  private static void fill(INDArray heads, int b, int t, double value) {
    for (int h = 0; h < heads.size(1); h++) {
      for (int d = 0; d < heads.size(3); d++) {
        heads.putScalar(new int[] {b, h, t, d}, value);
      }
    }
  }

  private static void assertRowEqual(
      AttentionInputs inputs, INDArray before, INDArray after, int b, int t) {
    for (int h = 0; h < before.size(1); h++) {
      for (int d = 0; d < before.size(3); d++) {
        assertEquals(
            before.getDouble(b, h, t, d), after.getDouble(b, h, t, d), 0, inputs.toString());
      }
    }
  }

  @ParameterizedTest(name = "{0}, T={1}, seed {2}")
  @MethodSource("providersTokensAndSeeds")
  void paddingIsExactlyZero(KernelProvider provider, int tokens, long seed) {
    var inputs = AttentionInputs.random(seed, tokens, DataType.FLOAT);
    Results results = inputs.run(provider);
    for (int b = 0; b < inputs.documents.length; b++) {
      for (int t = 0; t < tokens; t++) {
        int q = t - (tokens - (int) inputs.query.size(2));
        if (inputs.documents[b][t] == AttentionMask.PADDING_ID) {
          if (q >= 0) {
            assertRowZero(inputs, results.output(), b, q);
            assertRowZero(inputs, results.queryGradient(), b, q);
            assertEquals(Double.NEGATIVE_INFINITY, results.logSumExp().getDouble(b, 0, q));
          }
          assertRowZero(inputs, results.keyGradient(), b, t);
          assertRowZero(inputs, results.valueGradient(), b, t);
        }
      }
    }
  }

  private static void assertRowZero(AttentionInputs inputs, INDArray array, int b, int t) {
    assertRowEqual(inputs, Nd4j.zerosLike(array), array, b, t);
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void lowPrecisionErrsAtMostTwiceAsMuchAsItsPlainVersion(KernelProvider provider) {
    lowPrecisionErrsAtMostTwiceAsMuchAsItsPlainVersion(provider, 0);
  }

  /**
   * @param scoreError what scores of {@link Precision#BFLOAT16_COMPENSATED} may be off by, which
   *     the plain version computes in float
   */
  static void lowPrecisionErrsAtMostTwiceAsMuchAsItsPlainVersion(
      KernelProvider provider, double scoreError) {
    for (long seed = 100; seed < 112; seed++) {
      var inputs = AttentionInputs.random(seed, 65, DataType.FLOAT);
      Results exact = inputs.as(DataType.DOUBLE).run(REFERENCE);
      for (Precision precision : List.of(Precision.BFLOAT16, Precision.BFLOAT16_COMPENSATED)) {
        var rounded = inputs.with(inputs.config.withPrecision(precision));
        Results plain = rounded.run(REFERENCE);
        Results actual = rounded.run(provider);
        String what = rounded.toString();
        assertBudget(what, actual.output(), plain.output(), exact.output(), 2);
        double allowed = precision == Precision.BFLOAT16_COMPENSATED ? scoreError : 0;
        assertBudget(what, actual.logSumExp(), plain.logSumExp(), exact.logSumExp(), 2, allowed);
        assertBudget(what, actual.queryGradient(), plain.queryGradient(), exact.queryGradient(), 3);
        assertBudget(what, actual.keyGradient(), plain.keyGradient(), exact.keyGradient(), 3);
        assertBudget(what, actual.valueGradient(), plain.valueGradient(), exact.valueGradient(), 3);
      }
    }
  }

  private static void assertBudget(
      String what, INDArray actual, INDArray plain, INDArray exact, double times) {
    assertBudget(what, actual, plain, exact, times, 0);
  }

  private static void assertBudget(
      String what, INDArray actual, INDArray plain, INDArray exact, double times, double more) {
    DataType type = DataType.DOUBLE;
    double allowed = times * maxError(plain.castTo(type), exact) + 1e-5 + more;
    double error = maxError(actual.castTo(type), exact);
    assertTrue(error <= allowed, () -> what + ": error " + error + ", allowed " + allowed);
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void aRowGivesTheSameBitsWhateverItsNeighboursInTheBatch(KernelProvider provider) {
    for (long seed = 0; seed < 12; seed++) {
      var inputs = AttentionInputs.random(seed, 64, DataType.FLOAT);
      Results together = inputs.run(provider);
      for (int b = 0; b < inputs.documents.length; b++) {
        Results alone = inputs.row(b).run(provider);
        assertRowOfBatch(inputs, alone.output(), together.output(), b);
        assertRowOfBatch(inputs, alone.queryGradient(), together.queryGradient(), b);
        assertRowOfBatch(inputs, alone.keyGradient(), together.keyGradient(), b);
        assertRowOfBatch(inputs, alone.valueGradient(), together.valueGradient(), b);
      }
    }
  }

  private static void assertRowOfBatch(
      AttentionInputs inputs, INDArray alone, INDArray together, int b) {
    double[] expected = values(together.tensorAlongDimension(b, 1, 2, 3));
    assertArrayEquals(expected, values(alone), 0, inputs.toString());
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void halfAndBfloat16ArraysAreComputedInFloatAndRoundedOnce(KernelProvider provider) {
    for (DataType type : List.of(DataType.FLOAT16, DataType.BFLOAT16)) {
      var inputs = AttentionInputs.random(3, 64, DataType.FLOAT).as(type);
      INDArray expected = inputs.as(DataType.FLOAT).run(provider).output().castTo(type);
      INDArray actual = inputs.run(provider).output();
      assertEquals(type, actual.dataType());
      assertEquals(0, maxError(actual.castTo(DataType.FLOAT), expected.castTo(DataType.FLOAT)));
    }
  }

  @Test
  void scratchMemoryOfNd4jGrowsWithTokensAlone() {
    KernelProvider nd4j = KernelProviders.named("nd4j");
    long small = scratchAfter(nd4j, 2048);
    long large = scratchAfter(nd4j, 8192);
    assertTrue(small > 0, "the workspace of the call is where scratch memory lies");
    assertTrue(large <= 4.2 * small, small + " bytes at 2048 tokens, " + large + " at 8192");
  }

  private static long scratchAfter(KernelProvider provider, int tokens) {
    Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
    INDArray heads = Nd4j.randn(DataType.FLOAT, 1, 1, tokens, 8);
    INDArray output = Nd4j.create(DataType.FLOAT, 1, 1, tokens, 8);
    INDArray logSumExp = Nd4j.create(DataType.FLOAT, 1, 1, tokens);
    var arguments =
        AttentionArguments.of("test", AttentionConfig.DEFAULT, heads, heads, heads, null, null);
    INDArray gradient = Nd4j.create(DataType.FLOAT, 1, 1, tokens, 8);
    for (int i = 0; i < 2; i++) { // the first time around the workspace learns its size
      provider.attention(arguments, output, logSumExp);
      provider.attentionGradient(
          arguments, output, logSumExp, heads, gradient, gradient.dup(), gradient.dup());
    }
    return Nd4j.getWorkspaceManager().getAllWorkspacesForCurrentThread().stream()
        .mapToLong(workspace -> workspace.getCurrentSize())
        .sum();
  }
}
