package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.retrofit.RetrofitReport.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** A swapped network computes what it computed. */
class RetrofitEqualityTest {
  private static final double ALLOWED = 1e-5;
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aTrainedNetworkComputesTheSame(boolean masked) {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 1, masked);
    train(old, rows);
    INDArray before = StockNetworks.output(old, rows);
    Retrofitted<MultiLayerNetwork> swapped = RETROFIT.apply(old);
    assertEquals(2, swapped.report().count(Outcome.SWAPPED));
    assertEquals(List.of("lower", "upper"), ours(swapped.result()));
    assertClose(before, StockNetworks.output(swapped.result(), rows));
    assertEquals(old.getIterationCount(), swapped.result().getIterationCount());
    assertEquals(old.getEpochCount(), swapped.result().getEpochCount());
    assertEquals(5, old.getIterationCount());
    // The old network is left alone.
    assertEquals(before, StockNetworks.output(old, rows));
    assertTrue(old.getLayer(1).conf().getLayer() instanceof SelfAttentionLayer);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aTrainedGraphComputesTheSame(boolean masked) {
    ComputationGraph old = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 2, masked);
    train(old, rows);
    INDArray before = StockNetworks.output(old, rows);
    Retrofitted<ComputationGraph> swapped = RETROFIT.apply(old);
    assertEquals(2, swapped.report().count(Outcome.SWAPPED));
    for (String name : List.of("layer", "vertex")) {
      var conf = swapped.result().getLayer(name).conf().getLayer();
      assertEquals(AnchorAttentionLayer.class, conf.getClass());
      assertEquals(name, conf.getLayerName());
    }
    assertEquals(
        List.of("layer"), swapped.result().getConfiguration().getVertexInputs().get("vertex"));
    assertClose(before, StockNetworks.output(swapped.result(), rows));
    assertEquals(5, swapped.result().getConfiguration().getIterationCount());
    assertEquals(old.getConfiguration().getEpochCount(), swapped.result().getEpochCount());
    assertEquals(before, StockNetworks.output(old, rows));
  }

  /** DL4J's vertex goes on using the mask of the last batch that had one. */
  @Test
  void aMaskIsForgottenAfterItsBatch() {
    ComputationGraph old = StockNetworks.graph(DataType.FLOAT, new Sgd(0));
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 2, false);
    ComputationGraph swapped = RETROFIT.apply(old).result();
    INDArray expected = StockNetworks.output(old, rows);
    assertClose(expected, StockNetworks.output(swapped, rows));
    old.fit(StockNetworks.rows(DataType.FLOAT, 2, true));
    swapped.fit(StockNetworks.rows(DataType.FLOAT, 2, true));
    assertClose(expected, StockNetworks.output(swapped, rows));
    double ofStock = StockNetworks.largestDifference(expected, StockNetworks.output(old, rows));
    assertTrue(ofStock > 100 * ALLOWED, () -> "DL4J has mended it: " + ofStock);
  }

  @Test
  void withoutProjectionsToo() {
    MultiLayerConfiguration configuration =
        StockNetworks.settings(DataType.FLOAT, new Adam(0.01))
            .list()
            .layer(
                new SelfAttentionLayer.Builder()
                    .nIn(StockNetworks.INPUTS)
                    .nOut(StockNetworks.INPUTS)
                    .nHeads(1)
                    .projectInput(false)
                    .build())
            .layer(StockNetworks.output().nIn(StockNetworks.INPUTS).build())
            .build();
    var old = new MultiLayerNetwork(configuration);
    old.init();
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 3, true);
    train(old, rows);
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    assertEquals(List.of("layer0"), ours(swapped));
    assertClose(StockNetworks.output(old, rows), StockNetworks.output(swapped, rows));
  }

  @Test
  void aConfigurationReadFromJsonMakesTheSameNetwork() {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    String json = old.getLayerWiseConfigurations().toJson();
    var swapped =
        new MultiLayerNetwork(RETROFIT.apply(MultiLayerConfiguration.fromJson(json)).result());
    swapped.init();
    assertTrue(
        StockNetworks.largestDifference(old.params(), swapped.params()) > 0.01,
        "a configuration alone starts from weights of its own");
    swapped.setParams(old.params().dup());
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 4, true);
    assertClose(StockNetworks.output(old, rows), StockNetworks.output(swapped, rows));
  }

  @Test
  void aGraphConfigurationReadFromJsonMakesTheSameGraph() {
    ComputationGraph old = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    String json = old.getConfiguration().toJson();
    var swapped =
        new ComputationGraph(RETROFIT.apply(ComputationGraphConfiguration.fromJson(json)).result());
    swapped.init();
    swapped.setParams(old.params().dup());
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 5, true);
    assertClose(StockNetworks.output(old, rows), StockNetworks.output(swapped, rows));
  }

  private static void train(MultiLayerNetwork network, DataSet rows) {
    for (int i = 0; i < 5; i++) {
      network.fit(rows);
    }
  }

  private static void train(ComputationGraph graph, DataSet rows) {
    for (int i = 0; i < 5; i++) {
      graph.fit(rows);
    }
  }

  private static List<String> ours(MultiLayerNetwork network) {
    var names = new ArrayList<String>();
    for (var conf : network.getLayerWiseConfigurations().getConfs()) {
      if (conf.getLayer() instanceof AnchorAttentionLayer) {
        names.add(conf.getLayer().getLayerName());
      }
    }
    return names;
  }

  private static void assertClose(INDArray expected, INDArray actual) {
    double difference = StockNetworks.largestDifference(expected, actual);
    assertTrue(difference <= ALLOWED, () -> "largest difference " + difference);
  }
}
