package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.testing.GradientChecks;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.MLNConfig;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;

/** Adapters beside frozen weights, in a network of all layers that can be frozen. */
class LowRankTest {
  private static final INDArray IDS =
      Nd4j.createFromArray(new int[][] {{1, 3, 3, 0, 2}, {4, 4, 1, 0, 0}});
  private static final INDArray TARGETS =
      Nd4j.createFromArray(new int[][] {{3, 3, -100, 2, 4}, {4, 1, 0, -100, -100}});
  private static final int LAYERS = 5;
  private static final List<String> MLP_KEYS =
      List.of(GatedMlpLayer.GATE_WEIGHT_KEY, GatedMlpLayer.DOWN_WEIGHT_KEY);

  @BeforeEach
  void seed() {
    Nd4j.getRandom().setSeed(4);
  }

  private static TokenLayer[] layers() {
    return new TokenLayer[] {
      new TokenEmbeddingLayer.Builder().nIn(5).nOut(3).build(),
      new RmsNormLayer.Builder().nIn(3).build(),
      new TokenLinearLayer.Builder().nIn(3).nOut(4).build(),
      new GatedMlpLayer.Builder().nIn(4).nOut(3).intermediateSize(6).hasBias(true).build(),
      new LanguageModelOutputLayer.Builder().nIn(3).nOut(5).build()
    };
  }

  private static MultiLayerNetwork network(
      DataType type, IUpdater updater, UnaryOperator<TokenLayer[]> change) {
    var list =
        new NeuralNetConfiguration.Builder()
            .dataType(type)
            .updater(updater)
            .weightInit(new NormalDistribution(0, 0.7))
            .biasInit(0.1)
            .miniBatch(false)
            .seed(3)
            .list();
    for (TokenLayer layer : change.apply(layers())) {
      list.layer(layer);
    }
    var net = new MultiLayerNetwork(list.build());
    net.init();
    return net;
  }

  private static UnaryOperator<TokenLayer[]> adapted(DataType frozen, double dropout) {
    return layers -> {
      for (TokenLayer layer : layers) {
        layer.setFrozen(frozen);
      }
      layers[2].setLowRank(new LowRank(2, 1.5, dropout, List.of(TokenLinearLayer.WEIGHT_KEY)));
      layers[3].setLowRank(new LowRank(3, 0.5, dropout, MLP_KEYS));
      return layers;
    };
  }

  /** Gives the weights of a trained network to one of the same layers where they are frozen. */
  private static void give(MultiLayerNetwork trained, MultiLayerNetwork net) {
    for (int i = 0; i < LAYERS; i++) {
      TokenLayer conf = (TokenLayer) net.getLayer(i).conf().getLayer();
      for (Map.Entry<String, INDArray> entry : trained.getLayer(i).paramTable().entrySet()) {
        DataType type =
            conf.frozenType(entry.getKey(), net.getLayerWiseConfigurations().getDataType());
        net.getLayer(i).setParam(entry.getKey(), entry.getValue().castTo(type).dup('c'));
      }
    }
  }

  private static MultiLayerNetwork frozen(DataType type, DataType held, double dropout) {
    MultiLayerNetwork net = network(type, new NoOp(), adapted(held, dropout));
    give(network(type, new NoOp(), UnaryOperator.identity()), net);
    return net;
  }

  @Test
  void aFreshAdapterChangesNothing() {
    MultiLayerNetwork trained = network(DataType.FLOAT, new NoOp(), UnaryOperator.identity());
    assertEquals(trained.output(IDS), frozen(DataType.FLOAT, DataType.FLOAT, 0.5).output(IDS));
  }

  @Test
  void anAdapterCountsAsItsProductAddedToTheWeight() {
    MultiLayerNetwork net = frozen(DataType.FLOAT, DataType.FLOAT, 0.5);
    net.setParams(Nd4j.randn(DataType.FLOAT, 1, net.numParams()));
    MultiLayerNetwork merged = network(DataType.FLOAT, new NoOp(), UnaryOperator.identity());
    merge(net, merged, 2, TokenLinearLayer.WEIGHT_KEY, 1.5);
    for (String key : MLP_KEYS) {
      merge(net, merged, 3, key, 0.5);
    }
    INDArray expected = merged.output(IDS);
    assertArrayEquals(
        expected.dup('c').data().asFloat(), net.output(IDS).dup('c').data().asFloat(), 2e-4f);
  }

  private static void merge(
      MultiLayerNetwork net, MultiLayerNetwork merged, int layer, String key, double scale) {
    INDArray a = net.getLayer(layer).getParam(LowRank.reducingKey(key));
    INDArray b = net.getLayer(layer).getParam(LowRank.expandingKey(key));
    merged.getLayer(layer).getParam(key).addi(a.mmul(b).mul(scale));
  }

  @ParameterizedTest
  @EnumSource(names = {"DOUBLE", "BFLOAT16"})
  void adaptersHaveTheGradientOfTheScore(DataType held) {
    for (double dropout : new double[] {0, 0.4}) {
      MultiLayerNetwork net = frozen(DataType.DOUBLE, held, dropout);
      net.setParams(Nd4j.randn(DataType.DOUBLE, 1, net.numParams()));
      GradientChecks.check(
          new MLNConfig()
              .net(net)
              .input(IDS)
              .labels(TARGETS)
              .callEachIter(each -> Nd4j.getRandom().setSeed(12)));
    }
  }

  @Test
  void dropoutIsForTrainingAlone() {
    MultiLayerNetwork net = frozen(DataType.FLOAT, DataType.FLOAT, 0.5);
    net.setParams(Nd4j.randn(DataType.FLOAT, 1, net.numParams()));
    assertEquals(net.output(IDS), net.output(IDS));
    List<INDArray> activations =
        IntStream.range(0, 2)
            .mapToObj(i -> net.feedForward(IDS, true).get(LAYERS - 1).dup())
            .toList();
    assertTrue(!activations.get(0).equals(activations.get(1)), "two draws of dropout agree");
  }

  @Test
  void dropoutLeavesItsShareAndScalesTheRest() {
    int size = 32;
    double dropout = 0.3;
    double scale = 1.5;
    var adapter = new LowRank(size, scale, dropout, List.of(TokenLinearLayer.WEIGHT_KEY));
    MultiLayerNetwork net =
        network(
            DataType.FLOAT,
            new NoOp(),
            layers -> {
              TokenLayer[] changed = {
                new TokenEmbeddingLayer.Builder().nIn(5).nOut(size).build(),
                new TokenLinearLayer.Builder().nIn(size).nOut(size).hasBias(false).build(),
                new LanguageModelOutputLayer.Builder().nIn(size).nOut(5).build()
              };
              changed[1].setFrozen(DataType.FLOAT);
              changed[1].setLowRank(adapter);
              return changed;
            });
    net.params().assign(1);
    Layer linear = net.getLayer(1);
    linear.setParam(TokenLinearLayer.WEIGHT_KEY, Nd4j.zeros(DataType.FLOAT, size, size));
    linear.getParam(LowRank.reducingKey(TokenLinearLayer.WEIGHT_KEY)).assign(Nd4j.eye(size));
    linear.getParam(LowRank.expandingKey(TokenLinearLayer.WEIGHT_KEY)).assign(Nd4j.eye(size));
    INDArray ids = Nd4j.zeros(DataType.INT32, 10, 100);
    float[] outputs = net.feedForward(ids, true).get(2).dup('c').data().asFloat();
    int zeros = 0;
    for (float output : outputs) {
      zeros += output == 0 ? 1 : 0;
      assertEquals(output == 0 ? 0 : scale / (1 - dropout), output, 1e-5);
    }
    // Of 32,000 draws the share is within 0.01 but for one seed in 10,000.
    assertEquals(dropout, zeros / (double) outputs.length, 0.01);
  }

  @Test
  void aFrozenWeightHasNoRoomForGradientOrUpdaterState() {
    MultiLayerNetwork net = network(DataType.FLOAT, new Adam(1e-2), adapted(DataType.BFLOAT16, 0));
    give(network(DataType.FLOAT, new NoOp(), UnaryOperator.identity()), net);
    long adapters = 2 * (3 + 4) + 3 * (4 + 6) + 3 * (6 + 3);
    assertEquals(adapters, net.numParams());
    net.fit(IDS, TARGETS);
    assertEquals(adapters, net.getFlattenedGradients().length());
    assertEquals(2 * adapters, net.getUpdater().getStateViewArray().length());
  }

  @Test
  void trainingChangesTheAdaptersAlone() {
    MultiLayerNetwork net =
        network(DataType.FLOAT, new Adam(1e-2), adapted(DataType.BFLOAT16, 0.1));
    MultiLayerNetwork trained = network(DataType.FLOAT, new NoOp(), UnaryOperator.identity());
    give(trained, net);
    INDArray weight = net.getLayer(3).getParam(GatedMlpLayer.UP_WEIGHT_KEY).dup();
    double before = net.score(new DataSet(IDS, TARGETS));
    for (int step = 0; step < 30; step++) {
      net.fit(IDS, TARGETS);
    }
    assertTrue(net.score(new DataSet(IDS, TARGETS)) < before - 0.1);
    assertEquals(weight, net.getLayer(3).getParam(GatedMlpLayer.UP_WEIGHT_KEY));
  }

  @Test
  void aWeightThatWasNotGivenIsNamed() {
    MultiLayerNetwork net = network(DataType.FLOAT, new NoOp(), adapted(DataType.FLOAT, 0));
    var e = assertThrows(IllegalStateException.class, () -> net.output(IDS));
    assertTrue(e.getMessage().contains("the frozen weight W was not given"), e.getMessage());
  }

  @Test
  void aWeightOfAnotherShapeOrTypeIsRefused() {
    MultiLayerNetwork net = network(DataType.FLOAT, new NoOp(), adapted(DataType.BFLOAT16, 0));
    for (INDArray wrong :
        List.of(Nd4j.create(DataType.FLOAT, 3, 4), Nd4j.create(DataType.BFLOAT16, 4, 3))) {
      var e =
          assertThrows(
              IllegalArgumentException.class,
              () -> net.getLayer(2).setParam(TokenLinearLayer.WEIGHT_KEY, wrong));
      assertTrue(
          e.getMessage().contains("the frozen weight W is BFLOAT16 [3, 4], got"), e.getMessage());
    }
  }

  @Test
  void whatCannotBeAdaptedIsRefused() {
    var lowRank = new LowRank(2, 1, 0, List.of("W"));
    for (TokenLayer layer : List.of(layers()[0], layers()[1], layers()[3], layers()[4])) {
      assertThrows(IllegalArgumentException.class, () -> layer.setLowRank(lowRank));
    }
    assertThrows(
        IllegalArgumentException.class,
        () ->
            network(
                DataType.FLOAT,
                new NoOp(),
                layers -> {
                  layers[0].setFrozen(DataType.DOUBLE);
                  return layers;
                }));
    assertThrows(IllegalArgumentException.class, () -> new LowRank(0, 1, 0, List.of()));
    assertThrows(IllegalArgumentException.class, () -> new LowRank(1, 1, 1, List.of()));
  }
}
