package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.Positions;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.testing.Attentions;
import java.util.List;
import java.util.Set;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.dropout.GaussianNoise;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.nn.weights.WeightInitNormal;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/** What a user had set on a network and its attention is still set after the swap. */
class RetrofitSettingsTest {
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  @Test
  void theSettingsOfASelfAttentionLayerGoAlong() {
    SelfAttentionLayer stock =
        StockNetworks.attention(4, 2, 3)
            .name("own")
            .weightInit(WeightInit.NORMAL)
            .updater(new RmsProp(0.003))
            .biasUpdater(new Nesterovs(0.1))
            .l1(0.1)
            .l2(0.2)
            .l1Bias(0.3)
            .dropOut(0.8)
            .build();
    stock.setGradientNormalization(GradientNormalization.ClipL2PerLayer);
    stock.setGradientNormalizationThreshold(0.7);
    var constraint = new MaxNormConstraint(0.5, Set.of("Wq", "Wo"), 1);
    stock.setConstraints(List.of(constraint));
    AnchorAttentionLayer ours = swapFirst(stock);
    assertEquals("own", ours.getLayerName());
    assertEquals(6, ours.getNIn());
    assertEquals(4, ours.getNOut());
    assertEquals(2, ours.getHeads());
    assertEquals(2, ours.getKvHeads());
    assertEquals(3, ours.getHeadSize());
    assertTrue(ours.isProjectInput());
    assertEquals(new WeightInitNormal(), ours.getWeightInitFn());
    assertEquals(new RmsProp(0.003), ours.getIUpdater());
    assertEquals(new Nesterovs(0.1), ours.getBiasUpdater());
    assertEquals(stock.getRegularization(), ours.getRegularization());
    assertEquals(2, ours.getRegularization().size());
    assertEquals(stock.getRegularizationBias(), ours.getRegularizationBias());
    assertEquals(1, ours.getRegularizationBias().size());
    assertEquals(new Dropout(0.8), ours.getIDropout());
    assertEquals(GradientNormalization.ClipL2PerLayer, ours.getGradientNormalization());
    assertEquals(0.7, ours.getGradientNormalizationThreshold());
    assertEquals(List.of(constraint), ours.getConstraints());
    assertNull(ours.getWeightNoise());
  }

  @Test
  void dropoutThatDl4jIgnoredApplies() {
    var old =
        new MultiLayerNetwork(
            StockNetworks.of(StockNetworks.attention(4, 2, 3).dropOut(0.5).build()));
    old.init();
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    INDArray x = Nd4j.rand(DataType.FLOAT, 2, 6, 5);
    assertEquals(old.output(x, false), old.output(x, true));
    assertNotEquals(swapped.output(x, false), swapped.output(x, true));
  }

  /** DL4J adds l2 of attention to the gradient and not to the score. */
  @Test
  void theScoreCountsThePenaltyOfAttention() {
    DataSet rows = StockNetworks.rows(DataType.DOUBLE, 8, true);
    for (double l2 : new double[] {0, 0.1}) {
      var old =
          new MultiLayerNetwork(
              StockNetworks.layers(StockNetworks.settings(DataType.DOUBLE, new Sgd(0.1)).l2(l2)));
      old.init();
      double more = 0;
      for (int layer : new int[] {1, 3}) {
        more += l2 / 2 * Math.pow(old.getLayer(layer).params().norm2Number().doubleValue(), 2);
      }
      assertEquals(old.score(rows) + more, RETROFIT.apply(old).result().score(rows), 1e-9);
    }
  }

  @Test
  void weightDecayGoesAlong() {
    var builder = StockNetworks.attention(4, 2, 3);
    builder.weightDecay(0.3);
    SelfAttentionLayer stock = builder.build();
    assertEquals(1, stock.getRegularization().size());
    assertEquals(stock.getRegularization(), swapFirst(stock).getRegularization());
  }

  @Test
  void everyOptionReachesTheLayer() {
    var retrofit =
        new AttentionRetrofit.Builder()
            .attention(
                same -> {
                  assertEquals(AnchorTemplate.SAME_AS_DL4J, same);
                  return Attentions.nothingAtItsDefault();
                })
            .anchorTokens(3)
            .positions(Positions.PER_DOCUMENT)
            .build();
    var configuration =
        new MultiLayerNetwork(StockNetworks.of(StockNetworks.attention(4, 2, 6).build()));
    var ours =
        (AnchorAttentionLayer)
            retrofit
                .apply(configuration.getLayerWiseConfigurations())
                .result()
                .getConf(0)
                .getLayer();
    assertEquals(Attentions.nothingAtItsDefault(), ours.getAttention());
    assertEquals(3, ours.getAnchorTokens());
    assertEquals(Positions.PER_DOCUMENT, ours.getPositions());
  }

  @Test
  void otherLayersKeepWhatTheyHad() {
    LSTM lstm =
        new LSTM.Builder()
            .name("lstm")
            .nIn(6)
            .nOut(6)
            .activation(Activation.SOFTSIGN)
            .dropOut(new GaussianNoise(0.1))
            .weightNoise(new DropConnect(0.9))
            .updater(new Adam(0.7))
            .l2(0.4)
            .constrainWeights(new MaxNormConstraint(0.5, 1))
            .build();
    MultiLayerConfiguration old = StockNetworks.of(lstm, StockNetworks.attention(4, 2, 3).build());
    MultiLayerConfiguration swapped = RETROFIT.apply(old).result();
    assertEquals(old.getConf(0), swapped.getConf(0));
    assertEquals(
        new DropConnect(0.9), ((BaseLayer) swapped.getConf(0).getLayer()).getWeightNoise());
    assertEquals(old.getConf(2), swapped.getConf(2));
  }

  /** DL4J's clone() of the configuration drops a vertex's updater, so that fit would fail. */
  @Test
  void anAttentionVertexThatIsKeptStillTrains() {
    ComputationGraph old = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    ComputationGraph swapped =
        new AttentionRetrofit.Builder().only("layer"::equals).build().apply(old).result();
    INDArray before = swapped.paramTable().get("vertex_Wq").dup();
    swapped.fit(StockNetworks.rows(DataType.FLOAT, 6, false));
    assertNotEquals(before, swapped.paramTable().get("vertex_Wq"));
  }

  /** Settings changed while training are those that count. */
  @Test
  void aLearningRateSetOnTheNetworkGoesAlong() {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    old.setLearningRate(2, 0.25);
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    assertEquals(0.25, swapped.getLearningRate(2));
    assertEquals(0.01, swapped.getLearningRate(3));
    swapped.setLearningRate(2, 0.5);
    assertEquals(0.25, old.getLearningRate(2), "the old network has updaters of its own");
  }

  @Test
  void updaterStateFollowsItsParametersThroughDifferentUpdaters() {
    SelfAttentionLayer attention =
        StockNetworks.attention(4, 2, 3).updater(new Nesterovs(0.1)).build();
    MultiLayerConfiguration configuration =
        StockNetworks.settings(DataType.FLOAT, new Adam(0.01))
            .list()
            .layer(new LSTM.Builder().nOut(6).activation(Activation.TANH).build())
            .layer(attention)
            .layer(StockNetworks.output().build())
            .setInputType(InputType.recurrent(StockNetworks.INPUTS))
            .build();
    var old = new MultiLayerNetwork(configuration);
    old.init();
    old.fit(StockNetworks.rows(DataType.FLOAT, 7, false));
    MultiLayerNetwork swapped = RETROFIT.apply(old).result();
    INDArray before = old.updaterState();
    INDArray after = swapped.updaterState();
    long below = old.getLayer(0).numParams();
    long own = old.getLayer(1).numParams();
    for (long i = 0; i < before.length(); i++) {
      // Adam's two arrays of the LSTM, velocity of the attention, Adam's two arrays of the output.
      double divisor = i < below ? 2 : i < 2 * below ? 4 : i < 2 * below + own ? 2 : 1;
      assertEquals(before.getFloat(i) / divisor, after.getFloat(i), 0, "element " + i);
    }
  }

  private static AnchorAttentionLayer swapFirst(SelfAttentionLayer stock) {
    Layer swapped = RETROFIT.apply(StockNetworks.of(stock)).result().getConf(0).getLayer();
    return assertInstanceOf(AnchorAttentionLayer.class, swapped);
  }
}
