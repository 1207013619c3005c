package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import java.util.List;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;

/** Attention inside wrappers, frozen or not, and what an old network must not feel. */
class RetrofitWrappersTest {
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  @Test
  void wrappersStayAroundTheNewLayer() {
    MultiLayerConfiguration old =
        StockNetworks.of(
            new FrozenLayer(StockNetworks.attention(6, 2, 3).build()),
            new FrozenLayerWithBackprop(StockNetworks.attention(6, 2, 3).build()),
            new LastTimeStep(StockNetworks.attention(4, 2, 3).build()));
    Retrofitted<MultiLayerConfiguration> swapped = RETROFIT.apply(old);
    var frozen =
        assertInstanceOf(FrozenLayer.class, swapped.result().getConf(0).getLayer()).getLayer();
    var passing =
        assertInstanceOf(FrozenLayerWithBackprop.class, swapped.result().getConf(1).getLayer())
            .getUnderlying();
    var last =
        assertInstanceOf(LastTimeStep.class, swapped.result().getConf(2).getLayer())
            .getUnderlying();
    for (Layer layer : List.of(frozen, passing, last)) {
      assertInstanceOf(AnchorAttentionLayer.class, layer);
    }
    assertEquals("layer1", passing.getLayerName());
    // The old configuration keeps its own.
    assertInstanceOf(
        SelfAttentionLayer.class, ((LastTimeStep) old.getConf(2).getLayer()).getUnderlying());
    assertEquals(
        List.of("FrozenLayer", "FrozenLayerWithBackprop", "LastTimeStep"),
        swapped.report().attention().stream()
            .map(layer -> layer.type().replace("(SelfAttentionLayer)", ""))
            .toList());
  }

  @Test
  void wrappedNetworksComputeAndTrainTheSame() {
    MultiLayerConfiguration configuration =
        StockNetworks.settings(DataType.FLOAT, new Adam(0.01))
            .list()
            .layer(new LSTM.Builder().nOut(6).activation(Activation.TANH).build())
            .layer(StockNetworks.attention(6, 2, 3).build())
            .layer(new FrozenLayerWithBackprop(StockNetworks.attention(4, 2, 3).build()))
            .layer(StockNetworks.output().build())
            .setInputType(InputType.recurrent(StockNetworks.INPUTS))
            .build();
    var old = new MultiLayerNetwork(configuration);
    old.init();
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 3, true);
    old.fit(rows);
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    double difference =
        StockNetworks.largestDifference(
            StockNetworks.output(old, rows), StockNetworks.output(swapped, rows));
    assertTrue(difference <= 1e-5, () -> "largest difference " + difference);
    INDArray lstm = swapped.getParam("0_W").dup();
    INDArray attention = swapped.getParam("1_Wq").dup();
    swapped.fit(rows);
    assertNotEquals(lstm, swapped.getParam("0_W"));
    assertNotEquals(attention, swapped.getParam("1_Wq"));
  }

  @Test
  void frozenPartsOfATransferredNetworkStayFrozen() {
    MultiLayerNetwork trained = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    MultiLayerNetwork old = new TransferLearning.Builder(trained).setFeatureExtractor(1).build();
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 4, true);
    old.fit(rows);
    Retrofitted<MultiLayerNetwork> swapped = RETROFIT.apply(old);
    MultiLayerNetwork ours = swapped.result();
    assertEquals(
        List.of("between", "upper"),
        swapped.report().gradients().stream().map(RetrofitReport.Gradient::name).toList());
    INDArray before = StockNetworks.output(old, rows);
    assertTrue(
        StockNetworks.largestDifference(before, StockNetworks.output(ours, rows)) <= 1e-5,
        "same outputs");
    var start = ours.clone();
    ours.fit(rows);
    for (int layer = 0; layer < 5; layer++) {
      boolean frozen = start.getLayer(layer).paramTable().equals(ours.getLayer(layer).paramTable());
      assertEquals(layer <= 1, frozen, "layer " + layer);
    }
  }

  @Test
  void aFrozenAttentionVertexBecomesAFrozenLayer() {
    ComputationGraph trained = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    ComputationGraph old =
        new TransferLearning.GraphBuilder(trained).setFeatureExtractor("vertex").build();
    // TransferLearning loses the weights of vertices (M2.1).
    old.setParams(trained.params());
    assertInstanceOf(FrozenVertex.class, old.getConfiguration().getVertices().get("vertex"));
    Retrofitted<ComputationGraph> swapped = RETROFIT.apply(old);
    var vertex =
        assertInstanceOf(
            LayerVertex.class, swapped.result().getConfiguration().getVertices().get("vertex"));
    var frozen = assertInstanceOf(FrozenLayer.class, vertex.getLayerConf().getLayer());
    assertInstanceOf(AnchorAttentionLayer.class, frozen.getLayer());
    assertEquals("vertex", frozen.getLayerName());
    assertEquals(List.of(), swapped.report().gradients());
    DataSet rows = StockNetworks.rows(DataType.FLOAT, 5, true);
    double difference =
        StockNetworks.largestDifference(
            StockNetworks.output(old, rows), StockNetworks.output(swapped.result(), rows));
    assertTrue(difference <= 1e-5, () -> "largest difference " + difference);
    INDArray before = swapped.result().paramTable().get("vertex_Wq").dup();
    INDArray out = swapped.result().getParam("out_W").dup();
    swapped.result().fit(rows);
    assertEquals(before, swapped.result().paramTable().get("vertex_Wq"));
    assertNotEquals(out, swapped.result().getParam("out_W"));
  }

  /** DL4J calls what is inside, past the mask that the wrapper makes, in segments and steps. */
  @Test
  void attentionInsideAMaskZeroLayerStays() {
    MultiLayerConfiguration old =
        StockNetworks.of(new MaskZeroLayer(StockNetworks.attention(4, 2, 3).build(), 0));
    Retrofitted<MultiLayerConfiguration> swapped = RETROFIT.apply(old);
    assertEquals(old, swapped.result());
    assertEquals(RetrofitReport.Outcome.REFUSED, swapped.report().attention().get(0).outcome());
  }

  /** Most wrappers clone neither what is inside them nor its updater (M2.1). */
  @Test
  void theOldNetworkFeelsNothingThroughItsWrappers() {
    MultiLayerConfiguration configuration =
        StockNetworks.settings(DataType.FLOAT, new Adam(0.01))
            .list()
            .layer(
                new MaskZeroLayer(
                    new LSTM.Builder().nOut(6).activation(Activation.TANH).build(), 0))
            .layer(
                new LastTimeStep(
                    new FrozenLayerWithBackprop(StockNetworks.attention(4, 2, 3).build())))
            .layer(
                new OutputLayer.Builder()
                    .nOut(StockNetworks.CLASSES)
                    .activation(Activation.SOFTMAX)
                    .build())
            .setInputType(InputType.recurrent(StockNetworks.INPUTS))
            .build();
    var old = new MultiLayerNetwork(configuration);
    old.init();
    String before = old.getLayerWiseConfigurations().toJson();
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    swapped.setLearningRate(0, 0.5);
    assertEquals(0.5, swapped.getLearningRate(0));
    assertEquals(0.01, old.getLearningRate(0));
    assertEquals(before, old.getLayerWiseConfigurations().toJson());
  }
}
