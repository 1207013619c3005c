package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.rotary.RotaryConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Sgd;

/** {@code rnnTimeStep}: token after token with cached keys and values. */
class AnchorAttentionStepsTest {
  private static final int BATCH = 2;
  private static final int TOKENS = 13;
  private static final int CHANNELS = 8;

  static Stream<AttentionConfig> configs() {
    AttentionConfig anchored = AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR);
    return Stream.of(
        AttentionConfig.DEFAULT,
        anchored,
        anchored.withRotary(RotaryConfig.of(10_000)),
        anchored.withAlibi(true).withWindow(4));
  }

  @ParameterizedTest
  @MethodSource("configs")
  void tokenAfterTokenGivesTheOutputOfTheWholeRow(AttentionConfig config) {
    MultiLayerNetwork net = recurrent(config);
    INDArray x = input();
    INDArray whole = net.output(x);
    for (int[] steps : new int[][] {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 1, 6}, {13}}) {
      net.rnnClearPreviousState();
      int from = 0;
      for (int step : steps) {
        INDArray expected = tokens(whole, from, from + step);
        INDArray actual = net.rnnTimeStep(tokens(x, from, from + step));
        assertClose(expected, actual, Arrays.toString(steps) + " at " + from);
        from += step;
      }
    }
  }

  @Test
  void aGraphStepsToo() {
    ComputationGraph graph = graph(anchored());
    INDArray x = input();
    INDArray whole = graph.outputSingle(x);
    for (int t = 0; t < TOKENS; t++) {
      assertClose(tokens(whole, t, t + 1), graph.rnnTimeStep(tokens(x, t, t + 1))[0], "token " + t);
    }
  }

  /** M2.1's rnnClearPreviousState of a graph passes frozen layers by. */
  @Test
  void aFrozenLayerOfAGraphStepsAndBeginsAnewByAnEmptyState() {
    ComputationGraph graph = graph(new FrozenLayer(anchored()));
    INDArray x = input();
    INDArray whole = graph.outputSingle(x);
    for (int round = 0; round < 2; round++) {
      for (int t = 0; t < TOKENS; t++) {
        INDArray actual = graph.rnnTimeStep(tokens(x, t, t + 1))[0];
        assertClose(tokens(whole, t, t + 1), actual, "round " + round + ", token " + t);
      }
      graph.rnnSetPreviousState("attention", Map.of());
    }
  }

  private static AnchorAttentionLayer anchored() {
    return attention(AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR));
  }

  private static ComputationGraph graph(Layer attention) {
    var graph =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .seed(5)
                .graphBuilder()
                .addInputs("x")
                .addLayer("attention", attention, "x")
                .addLayer("out", classes(), "attention")
                .setOutputs("out")
                .setInputTypes(InputType.recurrent(CHANNELS))
                .build());
    graph.init();
    return graph;
  }

  @Test
  void idsMayComeAsAPromptAndThenOneByOne() {
    var net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .seed(3)
                .list()
                .layer(new TokenEmbeddingLayer.Builder().nIn(20).nOut(CHANNELS).build())
                .layer(attention(AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(10_000))))
                .layer(new LanguageModelOutputLayer.Builder().nIn(CHANNELS).nOut(20).build())
                .build());
    net.init();
    INDArray ids =
        Nd4j.createFromArray(new int[][] {{3, 7, 1, 19, 0, 4, 4}, {5, 5, 2, 8, 8, 8, 1}});
    INDArray whole = net.output(ids);
    INDArray prompt = net.rnnTimeStep(ids.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 4)));
    assertClose(tokens(whole, 0, 4), prompt, "prompt");
    for (int t = 4; t < 7; t++) {
      INDArray next = net.rnnTimeStep(ids.get(NDArrayIndex.all(), NDArrayIndex.interval(t, t + 1)));
      assertClose(tokens(whole, t, t + 1), next, "token " + t);
    }
  }

  @Test
  void aStateCanBeKeptAndTakenUpAgain() {
    MultiLayerNetwork net = recurrent(AttentionConfig.DEFAULT);
    INDArray x = input();
    net.rnnTimeStep(tokens(x, 0, 6));
    List<Map<String, INDArray>> states =
        IntStream.range(0, 3).mapToObj(net::rnnGetPreviousState).toList();
    assertArrayEquals(new long[] {BATCH, 6, 4}, states.get(1).get("keys").shape());
    INDArray expected = net.rnnTimeStep(tokens(x, 6, 9));
    net.rnnClearPreviousState();
    assertTrue(net.rnnGetPreviousState(1).isEmpty());
    for (int layer = 0; layer < 3; layer++) {
      net.rnnSetPreviousState(layer, states.get(layer));
    }
    assertClose(expected, net.rnnTimeStep(tokens(x, 6, 9)), "taken up again");
  }

  @Test
  void trainingDoesNotTouchTheState() {
    MultiLayerNetwork net = recurrent(AttentionConfig.DEFAULT);
    INDArray x = input();
    net.rnnTimeStep(tokens(x, 0, 6));
    INDArray before = net.rnnGetPreviousState(1).get("keys");
    net.fit(new DataSet(x, net.output(x)));
    assertEquals(before, net.rnnGetPreviousState(1).get("keys"));
  }

  @Test
  void truncatedBackpropagationTrainsSegmentBySegment() {
    MultiLayerNetwork whole = recurrent(AttentionConfig.DEFAULT);
    INDArray x = input();
    INDArray labels = whole.output(x).dup();
    whole.getLayerWiseConfigurations().setBackpropType(BackpropType.TruncatedBPTT);
    whole.getLayerWiseConfigurations().setTbpttFwdLength(5);
    whole.getLayerWiseConfigurations().setTbpttBackLength(5);
    INDArray before = whole.params().dup();
    whole.fit(new DataSet(x, labels.addi(0.1)));
    assertTrue(before.distance2(whole.params()) > 1e-6);
    assertTrue(whole.rnnGetPreviousState(1).isEmpty());
  }

  @Test
  void whatCannotStepSaysSo() {
    INDArray x = tokens(input(), 0, 1);
    MultiLayerNetwork bidirectional = recurrent(AttentionConfig.DEFAULT.withCausal(false));
    var notCausal = assertThrows(IllegalStateException.class, () -> bidirectional.rnnTimeStep(x));
    assertTrue(
        notCausal
            .getMessage()
            .endsWith(
                "rnnTimeStep needs causal(true): without, outputs depend on"
                    + " tokens still to come"),
        notCausal.getMessage());
    MultiLayerNetwork net = recurrent(AttentionConfig.DEFAULT);
    net.rnnTimeStep(x);
    INDArray one = Nd4j.concat(0, x, x);
    net.rnnSetPreviousState(0, Map.of());
    var otherBatch = assertThrows(IllegalArgumentException.class, () -> net.rnnTimeStep(one));
    assertTrue(
        otherBatch.getMessage().contains("the steps before were [batch=2, channels=4]"),
        otherBatch.getMessage());
  }

  private static void assertClose(INDArray expected, INDArray actual, String what) {
    assertArrayEquals(expected.shape(), actual.shape(), what);
    assertEquals(0, expected.sub(actual).amaxNumber().doubleValue(), 1e-12, what);
  }

  private static INDArray input() {
    Nd4j.getRandom().setSeed(9);
    return Nd4j.rand(DataType.DOUBLE, BATCH, CHANNELS, TOKENS).subi(0.5);
  }

  /** Tokens [from, to) of activations [B, C, T]. */
  private static INDArray tokens(INDArray activations, int from, int to) {
    return activations
        .get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(from, to))
        .dup();
  }

  private static AnchorAttentionLayer attention(AttentionConfig config) {
    return new AnchorAttentionLayer.Builder()
        .nIn(CHANNELS)
        .nOut(CHANNELS)
        .nHeads(4)
        .kvHeads(2)
        .headSize(2)
        .anchorTokens(2)
        .attention(config)
        .build();
  }

  private static RnnOutputLayer classes() {
    return new RnnOutputLayer.Builder().nIn(CHANNELS).nOut(3).dataFormat(RNNFormat.NCW).build();
  }

  private static MultiLayerNetwork recurrent(AttentionConfig config) {
    var net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .updater(new Sgd(0.1))
                .seed(7)
                .list()
                .layer(new LSTM.Builder().nIn(CHANNELS).nOut(CHANNELS).build())
                .layer(attention(config))
                .layer(attention(config))
                .layer(classes())
                .build());
    net.init();
    return net;
  }
}
