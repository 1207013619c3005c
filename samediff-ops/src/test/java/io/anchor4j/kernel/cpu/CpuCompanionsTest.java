package io.anchor4j.kernel.cpu;

import static io.anchor4j.testing.ErrorBudget.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.reference.ReferenceKernels;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Which arrays reach native code, and how: their layouts in full are the C++ tests' part. */
class CpuCompanionsTest {
  private static final KernelProvider REFERENCE = new ReferenceKernels();

  static Stream<CpuKernels> instructionSets() {
    return Arrays.stream(InstructionSet.values())
        .filter(InstructionSet::supported)
        .map(CpuKernels::new);
  }

  @BeforeEach
  void seed() {
    Nd4j.getRandom().setSeed(31);
  }

  /** One, three, five and six dimensions, a view with an offset, and columns that lie apart. */
  private static List<INDArray> shapes(DataType type) {
    return List.of(
        Nd4j.randn(type, 19),
        Nd4j.randn(type, 3, 4, 19),
        Nd4j.randn(type, 2, 1, 3, 2, 19),
        Nd4j.randn(type, 2, 1, 3, 2, 2, 19).permute(4, 3, 2, 1, 0, 5),
        Nd4j.randn(type, 7, 40).get(NDArrayIndex.interval(2, 6), NDArrayIndex.interval(5, 24)),
        Nd4j.randn(type, 38, 5).get(NDArrayIndex.interval(0, 2, 38)).transpose());
  }

  private static void assertSame(String what, INDArray actual, INDArray expected) {
    double relative =
        switch (actual.dataType()) {
          case FLOAT -> 2e-6;
          case BFLOAT16 -> 0x1p-7; // one place: both round, from either side of a tie
          default -> 0x1p-10;
        };
    assertClose(what, actual.castTo(DataType.DOUBLE), expected.castTo(DataType.DOUBLE), relative);
  }

  @ParameterizedTest
  @MethodSource("instructionSets")
  void arraysOfEveryRankTypeAndLayoutAreReadAndWritten(CpuKernels kernels) {
    for (DataType type : List.of(DataType.FLOAT, DataType.BFLOAT16, DataType.FLOAT16)) {
      for (INDArray x : shapes(type)) {
        INDArray up = x.mul(0.5);
        INDArray dy = x.add(1);
        INDArray gain = Nd4j.randn(type, 1, x.size(-1));
        String what = type + " " + Arrays.toString(x.shape());
        INDArray actual = spaced(x);
        INDArray second = spaced(x);
        INDArray expected = x.dup();
        INDArray expectedSecond = x.dup();
        INDArray gains = gain.dup();
        INDArray expectedGains = gain.dup();

        kernels.gatedSilu(x, up, actual);
        REFERENCE.gatedSilu(x, up, expected);
        assertSame("gatedSilu " + what, actual, expected);

        kernels.gatedSiluGradient(x, up, dy, actual, second);
        REFERENCE.gatedSiluGradient(x, up, dy, expected, expectedSecond);
        assertSame("gate gradient " + what, actual, expected);
        assertSame("up gradient " + what, second, expectedSecond);

        kernels.rmsNorm(1e-5, x, gain, actual);
        REFERENCE.rmsNorm(1e-5, x, gain, expected);
        assertSame("rmsNorm " + what, actual, expected);

        kernels.rmsNormGradient(1e-5, x, gain, dy, actual, gains);
        REFERENCE.rmsNormGradient(1e-5, x, gain, dy, expected, expectedGains);
        assertSame("rmsNorm gradient " + what, actual, expected);
        assertSame("gain gradient " + what, gains, expectedGains);

        double sum = REFERENCE.sumOfSquares(x.dup());
        assertEquals(sum, kernels.sumOfSquares(x), 1e-12 * sum, what);
      }
    }
  }

  /** An array of that shape with gaps between its elements. */
  private static INDArray spaced(INDArray like) {
    long[] shape = like.shape().clone();
    shape[shape.length - 1] *= 2;
    var every = new INDArrayIndex[shape.length];
    Arrays.fill(every, NDArrayIndex.all());
    every[shape.length - 1] = NDArrayIndex.interval(0, 2, shape[shape.length - 1]);
    return Nd4j.valueArrayOf(shape, 7, like.dataType()).get(every);
  }
}
