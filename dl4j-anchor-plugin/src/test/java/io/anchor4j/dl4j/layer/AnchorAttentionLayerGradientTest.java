package io.anchor4j.dl4j.layer;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.Positions;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.testing.GradientChecks;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.MLNConfig;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class AnchorAttentionLayerGradientTest {
  private static final int BATCH = 2;
  private static final int TOKENS = 5;
  private static final int CHANNELS = 4;

  static Stream<Arguments> layers() {
    return Stream.of(
        Arguments.of("plain", builder().causal(false).mask(AttentionMask.FULL), null),
        Arguments.of("grouped", builder().nHeads(2).kvHeads(1), documents()),
        Arguments.of("intra", builder().mask(AttentionMask.INTRA_DOCUMENT), documents()),
        Arguments.of(
            "anchor, window, rotary, per document",
            builder()
                .nHeads(2)
                .headSize(2)
                .window(2)
                .ropeTheta(50)
                .positions(Positions.PER_DOCUMENT),
            documents()),
        Arguments.of(
            "window over anchor tokens, interleaved pairs",
            builder()
                .window(2)
                .anchorTokens(2)
                .rotary(RotaryConfig.of(9).withPairing(RotaryConfig.Pairing.INTERLEAVED)),
            null),
        Arguments.of("alibi, scale", builder().nHeads(2).alibi(true).scale(0.7), documents()),
        Arguments.of("not projected", builder().projectInput(false), documents()),
        Arguments.of("stock mask", builder(), documents().gt(0).castTo(DataType.DOUBLE)));
  }

  private static AnchorAttentionLayer.Builder builder() {
    return new AnchorAttentionLayer.Builder().nHeads(1).nIn(CHANNELS).nOut(CHANNELS);
  }

  /** Padding, anchors and two documents, each id plus one. */
  private static INDArray documents() {
    return Nd4j.createFromArray(new int[][] {{1, 2, 2, 3, 2}, {1, 4, 4, 0, 0}});
  }

  /** The layer stands second, so that the gradient of its input is checked too. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("layers")
  void everyParameterHasTheGradientOfTheScore(
      String name, AnchorAttentionLayer.Builder layer, INDArray mask) {
    var net = network(linear(3, CHANNELS), layer.build(), new BinaryMaskLayer.Builder().build());
    INDArray x = Nd4j.rand(DataType.DOUBLE, BATCH, 3, TOKENS).subi(0.5).muli(3);
    GradientChecks.check(
        new MLNConfig()
            .net(net)
            .input(x)
            .inputMask(mask)
            .labels(labels())
            .labelMask(mask == null ? null : mask.gt(0).castTo(DataType.DOUBLE)));
  }

  private static TokenLinearLayer linear(int nIn, int nOut) {
    return new TokenLinearLayer.Builder().nIn(nIn).nOut(nOut).build();
  }

  private static MultiLayerNetwork network(Layer... layers) {
    Nd4j.getRandom().setSeed(3);
    var list =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .updater(new NoOp())
            .seed(3)
            .list();
    for (Layer layer : layers) {
      list.layer(layer);
    }
    list.layer(
        new RnnOutputLayer.Builder(LossFunction.MCXENT)
            .activation(Activation.SOFTMAX)
            .dataFormat(RNNFormat.NCW)
            .nIn(CHANNELS)
            .nOut(2)
            .build());
    var net = new MultiLayerNetwork(list.build());
    net.init();
    return net;
  }

  private static INDArray labels() {
    INDArray labels = Nd4j.create(DataType.DOUBLE, BATCH, 2, TOKENS);
    for (int b = 0; b < BATCH; b++) {
      for (int t = 0; t < TOKENS; t++) {
        labels.putScalar(b, (b + t * t) % 2, t, 1);
      }
    }
    return labels;
  }
}
