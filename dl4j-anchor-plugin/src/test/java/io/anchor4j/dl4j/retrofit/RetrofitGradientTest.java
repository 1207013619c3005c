package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.retrofit.RetrofitReport.Gradient;
import io.anchor4j.testing.GradientChecks;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.MLNConfig;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.NoOp;

/** Gradients are the true ones, and the report says by how much the old ones were not. */
class RetrofitGradientTest {
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  /** Two attention layers one over the other: below both, four times the gradient. */
  static final Map<String, Integer> LAYERS =
      Map.of("lstm", 4, "lower", 4, "between", 2, "upper", 2);

  static final Map<String, Integer> VERTICES = Map.of("lstm", 4, "layer", 4, "vertex", 2);

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aNetworksGradientsAreTheOldOnesWithoutTheDoubling(boolean masked) {
    MultiLayerNetwork old = StockNetworks.network(DataType.DOUBLE, new NoOp());
    Retrofitted<MultiLayerNetwork> swapped = RETROFIT.apply(old);
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 1, masked);
    INDArray expected = gradients(old, rows).div(Gradients.factors(old, LAYERS));
    assertClose(expected, gradients(swapped.result(), rows));
    assertEquals(
        List.of(
            new Gradient("lstm", 4, 4),
            new Gradient("lower", 4, 4),
            new Gradient("between", 2, 2),
            new Gradient("upper", 2, 2)),
        swapped.report().gradients());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aGraphsGradientsAreTheOldOnesWithoutTheDoubling(boolean masked) {
    ComputationGraph old = StockNetworks.graph(DataType.DOUBLE, new NoOp());
    Retrofitted<ComputationGraph> swapped = RETROFIT.apply(old);
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 2, masked);
    INDArray expected = gradients(old, rows).div(Gradients.factors(old, VERTICES));
    assertClose(expected, gradients(swapped.result(), rows));
    assertEquals(
        List.of(
            new Gradient("lstm", 4, 4), new Gradient("layer", 4, 4), new Gradient("vertex", 2, 2)),
        swapped.report().gradients());
  }

  @Test
  void layersThatStayGoOnDoubling() {
    MultiLayerNetwork old = StockNetworks.network(DataType.DOUBLE, new NoOp());
    var retrofit = new AttentionRetrofit.Builder().only("lower"::equals).build();
    Retrofitted<MultiLayerNetwork> swapped = retrofit.apply(old);
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 3, true);
    INDArray factors = Gradients.factors(old, Map.of("lstm", 2, "lower", 2));
    assertClose(gradients(old, rows).div(factors), gradients(swapped.result(), rows));
    assertEquals(
        List.of(new Gradient("lstm", 2, 2), new Gradient("lower", 2, 2)),
        swapped.report().gradients());
  }

  /** Past a residual connection no one factor makes the old gradients the new ones. */
  @Test
  void severalWaysDownAreReportedAsSuch() {
    var configuration =
        StockNetworks.settings(DataType.DOUBLE, new NoOp())
            .graphBuilder()
            .addInputs("in")
            .setInputTypes(InputType.recurrent(StockNetworks.INPUTS))
            .addLayer("lstm", new LSTM.Builder().nOut(6).activation(Activation.TANH).build(), "in")
            .addLayer("first", StockNetworks.attention(6, 2, 3).build(), "lstm")
            .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "lstm", "first")
            .addLayer("second", StockNetworks.attention(6, 2, 3).build(), "sum")
            .addVertex("sum2", new ElementWiseVertex(ElementWiseVertex.Op.Add), "sum", "second")
            .addLayer("out", StockNetworks.output().nIn(6).build(), "sum2")
            .setOutputs("out")
            .build();
    var old = new ComputationGraph(configuration);
    old.init();
    Retrofitted<ComputationGraph> swapped = RETROFIT.apply(old);
    assertEquals(
        List.of(
            new Gradient("lstm", 1, 4), new Gradient("first", 2, 4), new Gradient("second", 2, 2)),
        swapped.report().gradients());
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 4, false);
    INDArray expected = gradients(old, rows);
    INDArray actual = gradients(swapped.result(), rows);
    // The exact one and the output can be compared, the sums cannot.
    INDArray second = part(old, "second", expected);
    assertClose(second.div(2), part(old, "second", actual));
    assertClose(part(old, "out", expected), part(old, "out", actual));
    for (int factor : new int[] {1, 2, 4}) {
      INDArray lstm = part(old, "lstm", expected).div(factor);
      double difference =
          StockNetworks.largestDifference(lstm, part(old, "lstm", actual))
              / lstm.amaxNumber().doubleValue();
      assertTrue(difference > 1e-3, factor + ": " + difference);
    }
  }

  @Test
  void aNetworksGradientsAreFiniteDifferences() {
    var settings =
        StockNetworks.settings(DataType.DOUBLE, new NoOp())
            .gradientNormalization(GradientNormalization.None);
    var old = new MultiLayerNetwork(StockNetworks.layers(settings));
    old.init();
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 5, true);
    GradientChecks.check(
        new MLNConfig()
            .net(RETROFIT.apply(old).result())
            .input(rows.getFeatures())
            .labels(rows.getLabels())
            .inputMask(rows.getFeaturesMaskArray())
            .labelMask(rows.getLabelsMaskArray()));
  }

  @Test
  void aGraphsGradientsAreFiniteDifferences() {
    var settings =
        StockNetworks.settings(DataType.DOUBLE, new NoOp())
            .gradientNormalization(GradientNormalization.None);
    var old = new ComputationGraph(StockNetworks.vertices(settings));
    old.init();
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 6, true);
    GradientChecks.check(
        new GraphConfig()
            .net(RETROFIT.apply(old).result())
            .inputs(new INDArray[] {rows.getFeatures()})
            .labels(new INDArray[] {rows.getLabels()})
            .inputMask(new INDArray[] {rows.getFeaturesMaskArray()})
            .labelMask(new INDArray[] {rows.getLabelsMaskArray()}));
  }

  private static INDArray gradients(MultiLayerNetwork network, DataSet rows) {
    var recorder = new Gradients.Recorder();
    network.setListeners(recorder);
    network.fit(rows);
    network.setListeners();
    return recorder.newest();
  }

  private static INDArray gradients(ComputationGraph graph, DataSet rows) {
    var recorder = new Gradients.Recorder();
    graph.setListeners(recorder);
    graph.fit(rows);
    graph.setListeners();
    return recorder.newest();
  }

  private static INDArray part(ComputationGraph graph, String layer, INDArray flat) {
    return flat.mul(Gradients.factors(graph, Map.of(layer, 2)).sub(1));
  }

  private static void assertClose(INDArray expected, INDArray actual) {
    double largest = expected.amaxNumber().doubleValue();
    double difference = StockNetworks.largestDifference(expected, actual);
    assertTrue(difference <= 1e-10 * largest, () -> difference + " of " + largest);
  }
}
