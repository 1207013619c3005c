package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.AdaBelief;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;

/** Which part of an updater's state grows with the gradient, and how fast. */
class UpdaterStatesTest {
  private static final int COUNT = 9;

  @ParameterizedTest
  @MethodSource("io.anchor4j.dl4j.retrofit.RetrofitTrainingTest#updaters")
  void stateOfTwiceTheGradientsIsAPowerOfTwoLarger(IUpdater updater, List<Integer> powers) {
    assertEquals(powers, UpdaterStates.powers(updater, "layer"));
    assertEquals((long) powers.size() * COUNT, updater.stateSize(COUNT));
    if (powers.isEmpty()) {
      return;
    }
    INDArray once = state(updater, 1);
    INDArray twice = state(updater, 2);
    for (int array = 0; array < powers.size(); array++) {
      var range = NDArrayIndex.interval(array * COUNT, (array + 1) * COUNT);
      double[] expected = once.get(range).toDoubleVector();
      double[] actual = twice.get(range).mul(Math.scalb(1.0, -powers.get(array))).toDoubleVector();
      // AdaDelta's and AdaGrad's epsilon of 1e-6 does not grow with the gradient.
      assertArrayEquals(expected, actual, 1e-5 * once.amaxNumber().doubleValue());
    }
  }

  private static INDArray state(IUpdater updater, double scale) {
    INDArray state = Nd4j.zeros(DataType.DOUBLE, updater.stateSize(COUNT));
    GradientUpdater<?> running = updater.instantiate(state, true);
    for (int step = 0; step < 5; step++) {
      INDArray gradients = Nd4j.linspace(DataType.DOUBLE, -2.0, 0.7, COUNT).addi(0.3 * step);
      running.applyUpdater(gradients.muli(scale), step, 0);
    }
    return state;
  }

  /** If a later ND4J can, it belongs into the table. */
  @Test
  void adaBeliefCannotBeUsedAtAll() {
    INDArray state = Nd4j.zeros(DataType.DOUBLE, 2 * COUNT);
    assertThrows(
        ArrayIndexOutOfBoundsException.class, () -> new AdaBelief().instantiate(state, true));
  }

  @Test
  void anUpdaterOfTheUsersOwnIsNamed() {
    var thrown =
        assertThrows(
            IllegalArgumentException.class, () -> UpdaterStates.powers(new OwnUpdater(), "a"));
    assertEquals(
        "AttentionRetrofit: the state of updater "
            + OwnUpdater.class.getName()
            + " of \"a\" is not known here, so it cannot be rescaled. Use resetUpdaterState().",
        thrown.getMessage());
  }

  private static final class OwnUpdater extends Adam {
    private static final long serialVersionUID = 1L;
  }
}
