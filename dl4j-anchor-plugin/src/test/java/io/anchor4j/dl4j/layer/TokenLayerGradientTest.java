package io.anchor4j.dl4j.layer;

import io.anchor4j.testing.GradientChecks;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.MLNConfig;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.weightnoise.WeightNoise;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class TokenLayerGradientTest {
  private static final INDArray IDS =
      Nd4j.createFromArray(new int[][] {{1, 3, 3, 0, 2}, {4, 4, 1, 0, 0}});
  private static final INDArray TARGETS =
      Nd4j.createFromArray(new int[][] {{3, 3, -100, 2, 4}, {4, 1, 0, -100, -100}});

  /** Three channels in and out; the last of each list reads them. */
  static Stream<Arguments> layers() {
    var mlp = new GatedMlpLayer.Builder().nIn(3).nOut(3).intermediateSize(4);
    return Stream.of(
        Arguments.of("norm", new RmsNormLayer.Builder().nIn(3).epsilon(0.01).build()),
        Arguments.of(
            "norm of groups", new RmsNormLayer.Builder().nIn(3).groupSize(1).epsilon(0.5).build()),
        Arguments.of("linear", new TokenLinearLayer.Builder().nIn(3).nOut(3).build()),
        Arguments.of(
            "linear, no bias",
            new TokenLinearLayer.Builder().nIn(3).nOut(3).hasBias(false).build()),
        Arguments.of("mlp", mlp.build()),
        Arguments.of("mlp, biases", mlp.hasBias(true).build()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("layers")
  void everyParameterHasTheGradientOfTheScore(String name, Layer layer) {
    check(network(true, embedding(), layer, output()), null, TARGETS, null);
  }

  /** DL4J divides gradients by the batch size if set to; the score is a mean over targets. */
  @ParameterizedTest(name = "miniBatch({0})")
  @ValueSource(booleans = {true, false})
  void theLabelsMaskTakesTargetsOutOfTheMean(boolean miniBatch) {
    INDArray mask = Nd4j.createFromArray(new double[][] {{1, 0, 1, 1, 1}, {1, 1, 0, 0, 0}});
    check(network(miniBatch, embedding(), output()), null, TARGETS, mask);
  }

  @Test
  void dropoutAndWeightNoiseAreGoneThroughBackward() {
    var attention =
        new AnchorAttentionLayer.Builder().nIn(3).nOut(3).nHeads(1).dropOut(0.7).build();
    var mlp = new GatedMlpLayer.Builder().nIn(3).nOut(3).intermediateSize(2).dropOut(0.6).build();
    var noisy =
        new TokenLinearLayer.Builder()
            .nIn(3)
            .nOut(3)
            .weightNoise(new WeightNoise(new NormalDistribution(0, 0.3)))
            .build();
    var last =
        new LanguageModelOutputLayer.Builder().nIn(3).nOut(5).dropOut(new Dropout(0.8)).build();
    MultiLayerNetwork net = network(true, embedding(), attention, mlp, noisy, last);
    GradientChecks.check(
        new MLNConfig()
            .net(net)
            .input(IDS)
            .labels(TARGETS)
            .callEachIter(each -> Nd4j.getRandom().setSeed(12)));
  }

  /** A layer frozen this way runs forward as for inference and has kept nothing. */
  @Test
  void gradientsPassThroughFrozenLayers() {
    var attention = new AnchorAttentionLayer.Builder().nIn(3).nOut(3).nHeads(1).build();
    var mlp = new GatedMlpLayer.Builder().nIn(3).nOut(3).intermediateSize(2).build();
    MultiLayerNetwork net =
        network(
            true,
            embedding(),
            new FrozenLayerWithBackprop(attention),
            new FrozenLayerWithBackprop(mlp),
            output());
    GradientChecks.check(
        new MLNConfig()
            .net(net)
            .input(IDS)
            .labels(TARGETS)
            .excludeParams(Set.of("1_Wq", "1_Wk", "1_Wv", "1_Wo", "2_Wgate", "2_Wup", "2_Wdown")));
  }

  /** The stock layers see a mask of 0 and 1, although document ids run to 7. */
  @Test
  void stockLayersFollowABinaryMaskLayer() {
    var attention =
        new AnchorAttentionLayer.Builder().nIn(3).nOut(4).nHeads(2).ropeTheta(10).build();
    var lstm = new LSTM.Builder().nIn(4).nOut(3).activation(Activation.TANH).build();
    var classes =
        new RnnOutputLayer.Builder(LossFunction.MCXENT)
            .activation(Activation.SOFTMAX)
            .dataFormat(RNNFormat.NCW)
            .nIn(3)
            .nOut(2)
            .build();
    var binary = new BinaryMaskLayer.Builder().build();
    MultiLayerNetwork net = network(true, embedding(), attention, binary, lstm, classes);
    INDArray mask = Nd4j.createFromArray(new int[][] {{1, 7, 7, 3, 3}, {1, 2, 2, 0, 0}});
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, 2, 2, 5);
    for (int t = 0; t < 5; t++) {
      labels.putScalar(0, t % 2, t, 1).putScalar(1, (t + 1) % 2, t, 1);
    }
    check(net, mask, labels, mask.gt(0).castTo(DataType.DOUBLE));
  }

  private static void check(
      MultiLayerNetwork net, INDArray mask, INDArray labels, INDArray labelsMask) {
    GradientChecks.check(
        new MLNConfig().net(net).input(IDS).inputMask(mask).labels(labels).labelMask(labelsMask));
  }

  private static TokenEmbeddingLayer embedding() {
    return new TokenEmbeddingLayer.Builder().nIn(5).nOut(3).build();
  }

  private static LanguageModelOutputLayer output() {
    return new LanguageModelOutputLayer.Builder().nIn(3).nOut(5).build();
  }

  private static MultiLayerNetwork network(boolean miniBatch, Layer... layers) {
    var list =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .updater(new NoOp())
            .weightInit(new NormalDistribution(0, 0.7))
            .biasInit(0.1)
            .miniBatch(miniBatch)
            .seed(3)
            .list();
    for (Layer layer : layers) {
      list.layer(layer);
    }
    var net = new MultiLayerNetwork(list.build());
    net.init();
    return net;
  }
}
