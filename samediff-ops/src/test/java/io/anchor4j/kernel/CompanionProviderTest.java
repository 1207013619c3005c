package io.anchor4j.kernel;

import static io.anchor4j.testing.ErrorBudget.assertClose;
import static io.anchor4j.testing.ErrorBudget.maxError;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import io.anchor4j.testing.Providers;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The ops around attention: every provider against the reference, over odd sizes and layouts. */
class CompanionProviderTest {
  private static final KernelProvider REFERENCE = KernelProviders.named("reference");
  private static final int[] ROWS = {1, 2, 13, 65};

  static Stream<Named<KernelProvider>> fastProviders() {
    return Providers.fast();
  }

  @BeforeEach
  void seed() {
    Nd4j.getRandom().setSeed(77);
  }

  /** [2, rows, columns], alternately contiguous and a transposed view. */
  private static INDArray input(DataType type, int rows, int columns) {
    return rows % 2 == 0
        ? Nd4j.randn(type, 2, rows, columns)
        : Nd4j.randn(type, 2, columns, rows).permute(0, 2, 1);
  }

  /** Runs {@code call} in float and double on one provider and in double on the reference. */
  private static void compare(
      KernelProvider provider, List<INDArray> inputs, List<INDArray> outputs, Call call) {
    compare(provider, inputs, outputs, call, 2e-6);
  }

  private interface Call extends BiConsumer<KernelProvider, Arrays> {}

  private record Arrays(List<INDArray> inputs, List<INDArray> outputs) {
    INDArray in(int i) {
      return inputs.get(i);
    }

    INDArray out(int i) {
      return outputs.get(i);
    }

    Arrays as(DataType type) {
      return new Arrays(cast(inputs, type), cast(outputs, type));
    }

    private static List<INDArray> cast(List<INDArray> arrays, DataType type) {
      return arrays.stream().map(a -> a.dataType().isFPType() ? likeCast(a, type) : a).toList();
    }

    /** A cast that keeps a transposed view a transposed view. */
    private static INDArray likeCast(INDArray array, DataType type) {
      boolean turned = array.rank() == 3 && array.stride(2) != 1 && array.size(1) > 1;
      return turned
          ? array.permute(0, 2, 1).dup('c').castTo(type).permute(0, 2, 1)
          : array.dup('c').castTo(type);
    }
  }

  private static void compare(
      KernelProvider provider,
      List<INDArray> inputs,
      List<INDArray> outputs,
      Call call,
      double relative) {
    var arrays = new Arrays(inputs, outputs);
    Arrays expected = arrays.as(DataType.DOUBLE);
    call.accept(REFERENCE, expected);
    for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      Arrays actual = arrays.as(type);
      call.accept(provider, actual);
      for (int i = 0; i < outputs.size(); i++) {
        assertClose(
            "output " + i + " in " + type,
            actual.out(i),
            expected.out(i),
            type == DataType.DOUBLE ? 1e-12 : relative * 10);
      }
    }
  }

  private static INDArray empty(INDArray like) {
    return like.dup().assign(7);
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void rmsNorm(KernelProvider provider) {
    for (int rows : ROWS) {
      INDArray x = input(DataType.DOUBLE, rows, 24);
      INDArray gain = Nd4j.randn(DataType.DOUBLE, 1, 24);
      INDArray dy = input(DataType.DOUBLE, rows, 24);
      compare(
          provider,
          List.of(x, gain, dy),
          List.of(empty(x), empty(x), empty(gain)),
          (p, a) -> {
            p.rmsNorm(1e-5, a.in(0), a.in(1), a.out(0));
            p.rmsNormGradient(1e-5, a.in(0), a.in(1), a.in(2), a.out(1), a.out(2));
          });
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void gatedSilu(KernelProvider provider) {
    for (int rows : ROWS) {
      INDArray gate = input(DataType.DOUBLE, rows, 24).mul(5);
      INDArray up = input(DataType.DOUBLE, rows, 24);
      INDArray dy = input(DataType.DOUBLE, rows, 24);
      compare(
          provider,
          List.of(gate, up, dy),
          List.of(empty(gate), empty(gate), empty(gate)),
          (p, a) -> {
            p.gatedSilu(a.in(0), a.in(1), a.out(0));
            p.gatedSiluGradient(a.in(0), a.in(1), a.in(2), a.out(1), a.out(2));
          });
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void linear(KernelProvider provider) {
    for (int rows : ROWS) {
      INDArray x = input(DataType.DOUBLE, rows, 24);
      INDArray weight = Nd4j.randn(DataType.DOUBLE, 24, 17);
      INDArray bias = Nd4j.randn(DataType.DOUBLE, 1, 17);
      INDArray dy = input(DataType.DOUBLE, rows, 17);
      compare(
          provider,
          List.of(x, weight, bias, dy),
          List.of(empty(dy), empty(dy), empty(x), empty(weight), empty(bias)),
          (p, a) -> {
            p.linear(Precision.FLOAT32, a.in(0), a.in(1), a.in(2), a.out(0));
            p.linear(Precision.FLOAT32, a.in(0), a.in(1), null, a.out(1));
            p.linearGradient(
                Precision.FLOAT32, a.in(0), a.in(1), a.in(3), a.out(2), a.out(3), a.out(4));
          });
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void linearCrossEntropyInOneChunkAndInMany(KernelProvider provider) {
    // At 3,000,000 words seven rows need two chunks of logits.
    for (int vocabulary : new int[] {11, 3_000_000}) {
      int rows = vocabulary == 11 ? 65 : 7;
      INDArray hidden = Nd4j.randn(DataType.DOUBLE, rows, 4);
      INDArray weight = Nd4j.randn(DataType.DOUBLE, 4, vocabulary);
      var targets = new int[rows];
      var random = new Random(5);
      for (int n = 0; n < rows; n++) {
        targets[n] = n % 4 == 3 ? KernelProvider.IGNORED_TARGET : random.nextInt(vocabulary);
      }
      INDArray ids = Nd4j.createFromArray(targets);
      INDArray lossGradients = Nd4j.rand(DataType.DOUBLE, rows);
      compare(
          provider,
          List.of(hidden, weight, lossGradients),
          List.of(empty(lossGradients), empty(lossGradients), empty(hidden), empty(weight)),
          (p, a) -> {
            p.linearCrossEntropy(Precision.FLOAT32, a.in(0), a.in(1), ids, a.out(0), a.out(1));
            p.linearCrossEntropyGradient(
                Precision.FLOAT32, a.in(0), a.in(1), ids, a.out(1), a.in(2), a.out(2), a.out(3));
          });
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void aTiedWeightIsGivenTransposedAndItsGradientComesBackSo(KernelProvider provider) {
    INDArray hidden = Nd4j.randn(DataType.FLOAT, 6, 4);
    INDArray embedding = Nd4j.randn(DataType.FLOAT, 9, 4);
    INDArray targets = Nd4j.createFromArray(new int[] {1, 2, 8, -100, 0, 5});
    INDArray ones = Nd4j.ones(DataType.FLOAT, 6);
    INDArray losses = Nd4j.create(DataType.FLOAT, 6);
    INDArray sums = Nd4j.create(DataType.FLOAT, 6);
    INDArray hiddenGradient = empty(hidden);
    INDArray embeddingGradient = empty(embedding);
    INDArray expected = Nd4j.create(DataType.FLOAT, 4, 9);
    INDArray weight = embedding.transpose().dup('c');
    provider.linearCrossEntropy(
        Precision.FLOAT32, hidden, embedding.transpose(), targets, losses, sums);
    provider.linearCrossEntropyGradient(
        Precision.FLOAT32,
        hidden,
        embedding.transpose(),
        targets,
        sums,
        ones,
        hiddenGradient,
        embeddingGradient.transpose());
    REFERENCE.linearCrossEntropyGradient(
        Precision.FLOAT32, hidden, weight, targets, sums, ones, empty(hidden), expected);
    assertClose("gradient", embeddingGradient.transpose(), expected, 1e-5);
  }

  /** Products with a weight in bfloat16 are those with its value in the activations' type. */
  @ParameterizedTest
  @MethodSource("fastProviders")
  void aWeightInBfloat16CountsAsItsValue(KernelProvider provider) {
    for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      for (Precision precision : List.of(Precision.FLOAT32, Precision.BFLOAT16)) {
        INDArray narrow = Nd4j.randn(DataType.FLOAT, 24, 17).castTo(DataType.BFLOAT16);
        // A tied embedding is given transposed.
        for (INDArray stored : List.of(narrow, narrow.transpose().dup('c').transpose())) {
          Frozen expected = new Frozen(type, precision, narrow.castTo(type), provider);
          Frozen actual = new Frozen(type, precision, stored, provider);
          String what = type + " in " + precision;
          assertClose(what, actual.output, expected.output, 1e-5);
          assertClose(what, actual.inputGradient, expected.inputGradient, 1e-5);
          assertClose(what, actual.losses, expected.losses, 1e-5);
          assertClose(what, actual.hiddenGradient, expected.hiddenGradient, 1e-5);
        }
      }
    }
  }

  /** What is computed with a weight that takes no gradient. */
  private static final class Frozen {
    final INDArray output;
    final INDArray inputGradient;
    final INDArray losses;
    final INDArray hiddenGradient;

    Frozen(DataType type, Precision precision, INDArray weight, KernelProvider provider) {
      INDArray x = Nd4j.linspace(type, -1, 0.005, 13 * 24).reshape('c', 13, 24);
      INDArray dy = Nd4j.linspace(type, 1, -0.007, 13 * 17).reshape('c', 13, 17);
      INDArray ids = Nd4j.createFromArray(3, 1, -100, 16, 0, 5, 5, 2, 9, -100, 11, 12, 8);
      output = empty(dy);
      inputGradient = empty(x);
      losses = Nd4j.create(type, 13);
      hiddenGradient = empty(x);
      INDArray sums = Nd4j.create(type, 13);
      provider.linear(precision, x, weight, null, output);
      provider.linearGradient(precision, x, weight, dy, inputGradient, null, null);
      provider.linearCrossEntropy(precision, x, weight, ids, losses, sums);
      provider.linearCrossEntropyGradient(
          precision, x, weight, ids, sums, Nd4j.ones(type, 13), hiddenGradient, null);
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void gradientsThatAreNotWantedChangeNoOther(KernelProvider provider) {
    INDArray x = Nd4j.randn(DataType.DOUBLE, 13, 24);
    INDArray weight = Nd4j.randn(DataType.DOUBLE, 24, 17);
    INDArray gain = Nd4j.randn(DataType.DOUBLE, 1, 24);
    INDArray dy = Nd4j.randn(DataType.DOUBLE, 13, 17);
    INDArray normGradient = Nd4j.randn(DataType.DOUBLE, 13, 24);
    compare(
        provider,
        List.of(x, weight, gain, dy, normGradient),
        List.of(empty(x), empty(x), empty(dy)),
        (p, a) -> {
          p.linearGradient(
              Precision.FLOAT32, a.in(0), a.in(1), a.in(3), a.out(0), null, a.out(2).getRow(0));
          p.rmsNormGradient(1e-5, a.in(0), a.in(2), a.in(4), a.out(1), null);
        });
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void roundedProductsErrAtMostTwiceAsMuchAsPlainOnes(KernelProvider provider) {
    INDArray x = Nd4j.randn(DataType.FLOAT, 33, 64);
    INDArray weight = Nd4j.randn(DataType.FLOAT, 64, 20);
    INDArray exact = Nd4j.create(DataType.FLOAT, 33, 20);
    INDArray plain = exact.dup();
    INDArray actual = exact.dup();
    REFERENCE.linear(Precision.FLOAT32, x, weight, null, exact);
    REFERENCE.linear(Precision.BFLOAT16, x, weight, null, plain);
    provider.linear(Precision.BFLOAT16, x, weight, null, actual);
    assertTrue(maxError(plain, exact) > 1e-3, "rounding shows");
    assertTrue(maxError(actual, exact) <= 2 * maxError(plain, exact) + 1e-5);
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void weightsThatChangeBetweenScopesAreSeen(KernelProvider provider) {
    INDArray parameters = Nd4j.randn(DataType.FLOAT, 1, 24 * 17 + 5);
    INDArray weight =
        parameters
            .get(NDArrayIndex.interval(0, 1), NDArrayIndex.interval(5, 24 * 17 + 5))
            .reshape('c', 24, 17);
    INDArray x = Nd4j.randn(DataType.FLOAT, 70, 24);
    INDArray dy = Nd4j.randn(DataType.FLOAT, 70, 17);
    for (int step = 0; step < 3; step++) {
      Linear expected = new Linear(x, weight, dy, provider);
      try (var held = provider.holdWeights(parameters)) {
        for (int batch = 0; batch < 2; batch++) {
          assertEquals(expected, new Linear(x, weight, dy, provider), "step " + step);
        }
      }
      weight.muli(-2);
    }
  }

  private record Linear(INDArray output, INDArray inputGradient) {
    Linear(INDArray x, INDArray weight, INDArray dy, KernelProvider provider) {
      this(empty(dy), empty(x));
      provider.linear(Precision.BFLOAT16, x, weight, null, output);
      provider.linearGradient(
          Precision.BFLOAT16, x, weight, dy, inputGradient, empty(weight), null);
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void rotary(KernelProvider provider) {
    for (Pairing pairing : Pairing.values()) {
      for (int dimensions : new int[] {0, 6}) {
        var config = RotaryConfig.of(10_000).withPairing(pairing).withDimensions(dimensions);
        INDArray heads = Nd4j.randn(DataType.DOUBLE, 2, 13, 3, 10).permute(0, 2, 1, 3);
        var positions = new int[2][13];
        for (int t = 0; t < 13; t++) {
          positions[0][t] = 131_072 + t;
          positions[1][t] = -5 * t;
        }
        INDArray places = Nd4j.createFromArray(positions);
        compare(
            provider,
            List.of(heads),
            List.of(empty(heads), empty(heads)),
            (p, a) -> {
              p.rotary(config, false, a.in(0), places, a.out(0));
              p.rotary(config, true, a.in(0), places, a.out(1));
            });
      }
    }
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void adamWOverManyChunks(KernelProvider provider) {
    int length = 300_001;
    INDArray parameters = Nd4j.randn(DataType.DOUBLE, 1, length);
    INDArray gradients = Nd4j.randn(DataType.DOUBLE, 1, length);
    INDArray moments = Nd4j.rand(DataType.DOUBLE, 1, length);
    var step = new AdamWStep(1e-2, 0.9, 0.95, 1e-8, 0.1, 3, 0.5);
    compare(
        provider,
        List.of(parameters, gradients, moments),
        List.of(empty(parameters), empty(moments), empty(moments)),
        (p, a) -> {
          a.out(0).assign(a.in(0));
          a.out(1).assign(a.in(2));
          a.out(2).assign(a.in(2));
          p.adamW(step, a.out(0), a.in(1), a.out(1), a.out(2));
        });
  }

  @ParameterizedTest
  @MethodSource("fastProviders")
  void theSumOfSquaresIsExactToTheLastDigitsOfDouble(KernelProvider provider) {
    INDArray array = Nd4j.randn(DataType.FLOAT, 300_001);
    double expected = REFERENCE.sumOfSquares(array);
    assertEquals(expected, provider.sumOfSquares(array), 1e-12 * expected);
    assertEquals(provider.sumOfSquares(array), provider.sumOfSquares(array.dup()), 0);
  }

  /** exp(0) need not be exactly 1 in a kernel, and yet no loss is below 0. */
  @ParameterizedTest
  @MethodSource("fastProviders")
  void theLossOfASurePredictionIsNotNegative(KernelProvider provider) {
    INDArray hidden = Nd4j.createFromArray(new float[][] {{40, 0}, {0, 40}});
    INDArray weight = Nd4j.createFromArray(new float[][] {{3, 0, -1}, {0, 3, -1}});
    INDArray losses = Nd4j.create(DataType.FLOAT, 2);
    INDArray logSumExp = Nd4j.create(DataType.FLOAT, 2);
    INDArray targets = Nd4j.createFromArray(0, 1);
    provider.linearCrossEntropy(Precision.FLOAT32, hidden, weight, targets, losses, logSumExp);
    assertTrue(losses.minNumber().doubleValue() >= 0, losses.toString());
  }
}
