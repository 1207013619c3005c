package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/** A swapped network trains on as the old one would have with its gradients put right. */
class RetrofitTrainingTest {
  private static final double ALLOWED = 1e-4;
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  /** Updaters, and the power of the gradient that each array of their state grows with. */
  static Stream<Arguments> updaters() {
    return Stream.of(
        arguments(new Sgd(0.5), List.of()),
        arguments(new Nesterovs(0.3, 0.9), List.of(1)),
        arguments(new AdaGrad(0.05), List.of(2)),
        arguments(new RmsProp(0.01), List.of(2)),
        arguments(new AdaDelta(), List.of(2, 0)),
        arguments(new Adam(0.01), List.of(1, 2)),
        arguments(new Nadam(0.01), List.of(1, 2)),
        arguments(new AdaMax(0.01), List.of(1, 1)),
        arguments(new AMSGrad(0.01), List.of(1, 2, 2)));
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void tenStepsFollowTheCorrectedOldNetwork(IUpdater updater, List<Integer> powers) {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, updater);
    for (int i = 0; i < 8; i++) {
      old.fit(StockNetworks.rows(DataType.FLOAT, i, i % 2 == 0));
    }
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    INDArray factors = Gradients.factors(old, RetrofitGradientTest.LAYERS);
    correct(old.getUpdater().getStateViewArray(), factors, powers);
    old.setListeners(new Gradients.Corrector(factors));
    INDArray start = old.params().dup();
    for (int i = 0; i < 10; i++) {
      var rows = StockNetworks.rows(DataType.FLOAT, 100 + i, i % 2 == 0);
      old.fit(rows);
      swapped.fit(rows);
      assertClose(old.params(), swapped.params(), updater + ", step " + i);
    }
    assertTrue(StockNetworks.largestDifference(start, old.params()) > 20 * ALLOWED, "trained");
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void tenStepsFollowTheCorrectedOldGraph(IUpdater updater, List<Integer> powers) {
    ComputationGraph old = StockNetworks.graph(DataType.FLOAT, updater);
    for (int i = 0; i < 8; i++) {
      old.fit(StockNetworks.rows(DataType.FLOAT, i, true));
    }
    ComputationGraph swapped = RETROFIT.apply(old).result();
    INDArray factors = Gradients.factors(old, RetrofitGradientTest.VERTICES);
    correct(old.getUpdater().getStateViewArray(), factors, powers);
    old.setListeners(new Gradients.Corrector(factors));
    INDArray start = old.params().dup();
    for (int i = 0; i < 10; i++) {
      var rows = StockNetworks.rows(DataType.FLOAT, 100 + i, true);
      old.fit(rows);
      swapped.fit(rows);
      assertClose(old.params(), swapped.params(), updater + ", step " + i);
    }
    assertTrue(StockNetworks.largestDifference(start, old.params()) > 20 * ALLOWED, "trained");
  }

  /** The state is one array of all parameters after the other: they share one updater. */
  private static void correct(INDArray state, INDArray factors, List<Integer> powers) {
    assertEquals(powers.isEmpty(), state == null);
    long count = factors.length();
    for (int array = 0; array < powers.size(); array++) {
      INDArray part = state.get(NDArrayIndex.interval(array * count, (array + 1) * count));
      for (int times = 0; times < powers.get(array); times++) {
        part.divi(factors);
      }
    }
  }

  @Test
  void aResetBeginsTheStateAnew() {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    old.fit(StockNetworks.rows(DataType.FLOAT, 1, false));
    Retrofitted<MultiLayerNetwork> swapped =
        new AttentionRetrofit.Builder().resetUpdaterState().build().apply(old);
    assertNull(swapped.result().getUpdater(false));
    assertEquals(0, swapped.result().updaterState().amaxNumber().doubleValue());
    assertTrue(swapped.report().notes().contains("updater state: begun anew"));
    assertEquals(1, swapped.result().getIterationCount());
  }

  private static void assertClose(INDArray expected, INDArray actual, String what) {
    double difference = StockNetworks.largestDifference(expected, actual);
    assertTrue(difference <= ALLOWED, () -> what + ": largest difference " + difference);
  }
}
