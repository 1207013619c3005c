package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.Positions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Own and stock layers in one MultiLayerNetwork: ids, attention by documents, LSTM, classes. */
class AnchorAttentionNetworkTest {
  private static final INDArray IDS =
      Nd4j.createFromArray(new int[][] {{1, 3, 3, 0, 2, 5}, {4, 4, 1, 0, 0, 0}});

  /** Anchor, two documents that interleave; a row with padding. */
  private static final INDArray MASK =
      Nd4j.createFromArray(new int[][] {{1, 2, 3, 2, 3, 3}, {1, 9, 9, 9, 0, 0}});

  @Test
  void aSavedNetworkGoesOnAsIfItHadNotBeenSaved() throws Exception {
    MultiLayerNetwork net = network(DataType.FLOAT, new Adam(0.01), WorkspaceMode.ENABLED);
    net.fit(batch(DataType.FLOAT));
    var file = new ByteArrayOutputStream();
    ModelSerializer.writeModel(net, file, true);
    MultiLayerNetwork restored =
        ModelSerializer.restoreMultiLayerNetwork(
            new ByteArrayInputStream(file.toByteArray()), true);
    assertEquals(output(net), output(restored));
    net.fit(batch(DataType.FLOAT));
    restored.fit(batch(DataType.FLOAT));
    assertEquals(net.params(), restored.params());
    MultiLayerNetwork clone = net.clone();
    assertEquals(output(net), output(clone));
  }

  @Test
  void workspacesChangeNoBit() {
    MultiLayerNetwork with = network(DataType.FLOAT, new Sgd(0.3), WorkspaceMode.ENABLED);
    MultiLayerNetwork without = network(DataType.FLOAT, new Sgd(0.3), WorkspaceMode.NONE);
    for (int i = 0; i < 4; i++) {
      with.fit(batch(DataType.FLOAT));
      without.fit(batch(DataType.FLOAT));
      assertEquals(without.score(), with.score());
    }
    assertEquals(without.params(), with.params());
    assertEquals(output(without), output(with));
  }

  @ParameterizedTest
  @CsvSource({"FLOAT, 1e-5", "HALF, 0.02", "DOUBLE, 0"})
  void everyTypeOfNetworkLearnsTheSame(DataType type, double allowed) {
    MultiLayerNetwork exact = network(DataType.DOUBLE, new Sgd(0.5), WorkspaceMode.ENABLED);
    MultiLayerNetwork net = network(type, new Sgd(0.5), WorkspaceMode.ENABLED);
    exact.setParams(net.params().castTo(DataType.DOUBLE));
    double first = exact.score(batch(DataType.DOUBLE));
    for (int i = 0; i < 8; i++) {
      exact.fit(batch(DataType.DOUBLE));
      net.fit(batch(type));
      assertEquals(exact.score(), net.score(), allowed);
    }
    assertTrue(exact.score() < first - 0.05, first + " to " + exact.score());
  }

  /** Before the LSTM, which reads across documents. */
  @ParameterizedTest
  @EnumSource(
      value = AttentionMask.class,
      names = {"ANCHOR", "INTRA_DOCUMENT"})
  void otherTokensInOneDocumentLeaveTheOtherBitEqual(AttentionMask mask) {
    MultiLayerNetwork net = network(DataType.FLOAT, new Sgd(1), WorkspaceMode.ENABLED);
    var conf = (AnchorAttentionLayer) net.getLayer(1).conf().getLayer();
    conf.setAttention(conf.getAttention().withMask(mask));
    INDArray changed = IDS.dup();
    changed.putScalar(0, 1, 2).putScalar(0, 3, 4);
    INDArray before = attended(net, IDS);
    INDArray after = attended(net, changed);
    for (int t : new int[] {0, 2, 4, 5}) {
      assertArrayEquals(bits(before, t), bits(after, t), "token " + t);
    }
    assertTrue(!Arrays.equals(bits(before, 3), bits(after, 3)), "the change shows");
  }

  @Test
  void paddingComesOutAsZero() {
    INDArray attended = attended(network(DataType.FLOAT, new Sgd(1), WorkspaceMode.ENABLED), IDS);
    for (int t = 0; t < 6; t++) {
      boolean zero = attended.tensorAlongDimension(1, 1, 2).getColumn(t).equals(Nd4j.zeros(4));
      assertEquals(t >= 4, zero, "token " + t);
    }
  }

  /** Without a mask the window slides past all but the anchors at the head. */
  @Test
  void theFirstTokensStayInSightWithoutAMask() {
    for (int anchors : new int[] {0, 2}) {
      var net = network(DataType.FLOAT, new Sgd(1), WorkspaceMode.ENABLED);
      var conf = (AnchorAttentionLayer) net.getLayer(1).conf().getLayer();
      conf.setAnchorTokens(anchors);
      conf.setAttention(conf.getAttention().withWindow(2));
      INDArray changed = IDS.dup().putScalar(0, 1, 0);
      net.setLayerMaskArrays(null, null);
      net.clearLayerMaskArrays();
      INDArray before = net.feedForwardToLayer(1, IDS, false).get(2);
      INDArray after = net.feedForwardToLayer(1, changed, false).get(2);
      assertEquals(anchors == 2, !Arrays.equals(bits(before, 5), bits(after, 5)));
    }
  }

  @Test
  void transferLearningFreezesAndReplacesLayers() {
    MultiLayerNetwork net = network(DataType.FLOAT, new Adam(0.01), WorkspaceMode.ENABLED);
    net.fit(batch(DataType.FLOAT));
    MultiLayerNetwork edited =
        new TransferLearning.Builder(net)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .setFeatureExtractor(1)
            .removeOutputLayer()
            .addLayer(classes(3))
            .build();
    for (int i = 0; i < 4; i++) {
      assertEquals(net.getLayer(i).paramTable(), edited.getLayer(i).paramTable());
    }
    INDArray features = Nd4j.zeros(DataType.FLOAT, 2, 3, 6);
    features.putScalar(0, 0, 1, 1).putScalar(1, 2, 0, 1);
    edited.fit(new DataSet(IDS, features, MASK, MASK.gt(0).castTo(DataType.FLOAT)));
    assertEquals(net.getLayer(1).paramTable(), edited.getLayer(1).paramTable());
    assertNotEquals(net.getLayer(3).paramTable(), edited.getLayer(3).paramTable());
  }

  @Test
  void aWiderLayerIsMadeWithoutTouchingTheOthers() {
    MultiLayerNetwork net = network(DataType.FLOAT, new Adam(0.01), WorkspaceMode.ENABLED);
    MultiLayerNetwork edited =
        new TransferLearning.Builder(net)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .nOutReplace(0, 7, org.deeplearning4j.nn.weights.WeightInit.XAVIER)
            .build();
    assertArrayEquals(new long[] {6, 7}, edited.getParam("0_W").shape());
    assertArrayEquals(new long[] {2, 2, 7}, edited.getParam("1_Wq").shape());
    assertEquals(net.getLayer(3).paramTable(), edited.getLayer(3).paramTable());
    edited.fit(batch(DataType.FLOAT));
  }

  @Test
  void summaryAndMemoryReportCountEveryParameter() {
    MultiLayerNetwork net = network(DataType.FLOAT, new Adam(0.01), WorkspaceMode.ENABLED);
    InputType input = InputType.recurrent(6, 6);
    for (String summary : new String[] {net.summary(), net.summary(input)}) {
      assertTrue(summary.contains("Wq:{2,2,3}, Wk:{1,2,3}, Wv:{1,2,3}, Wo:{4,4}"), summary);
      assertTrue(summary.contains("Total Parameters:  " + net.numParams()), summary);
    }
    var report = net.getLayerWiseConfigurations().getMemoryReport(input);
    assertEquals(
        4 * net.numParams(),
        report.getMemoryBytes(
            MemoryType.PARAMETERS, 1, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT));
  }

  @Test
  void unsuitableMasksAreNamed() {
    MultiLayerNetwork net = network(DataType.FLOAT, new Sgd(1), WorkspaceMode.ENABLED);
    assertMessage(net, Nd4j.zeros(DataType.INT32, 2, 5), "must be [batch=2, tokens=6], got [2, 5]");
    INDArray half = Nd4j.valueArrayOf(new long[] {2, 6}, 0.5);
    assertMessage(net, half, "got 0.5 at row 0, token 0");
    assertMessage(net, MASK.dup().putScalar(1, 4, -1), "got -1 at row 1, token 4");
    assertMessage(net, Nd4j.valueArrayOf(new long[] {2, 6}, 1e10, DataType.DOUBLE), "got 1.0E10");
  }

  private static void assertMessage(MultiLayerNetwork net, INDArray mask, String part) {
    var thrown =
        assertThrows(IllegalArgumentException.class, () -> net.output(IDS, false, mask, null));
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }

  @Test
  void buildersRefuseSizesThatDoNotFit() {
    assertBuild("nHeads must be 1 or more, got 0", builder(8, 8));
    assertBuild(
        "nOut must be a multiple of nHeads, got nOut=8 and nHeads=3", builder(8, 8).nHeads(3));
    assertBuild("nHeads=4 and kvHeads=3", builder(8, 8).nHeads(4).kvHeads(3));
    assertBuild("one head as wide as the input", builder(8, 8).nHeads(2).projectInput(false));
    assertBuild("needs nIn = nOut, got 8 and 6", builder(8, 6).nHeads(1).projectInput(false));
    assertBuild("headSize must be 1 to 256, got 512", builder(8, 8).nHeads(1).headSize(512));
    assertBuild("anchorTokens must be 0 or more", builder(8, 8).nHeads(1).anchorTokens(-1));
    assertBuild("must be even", builder(8, 6).nHeads(2).ropeTheta(10));
    assertBuild("applies no activation", builder(8, 8).nHeads(1).activation(Activation.RELU));
  }

  private static void assertBuild(String part, AnchorAttentionLayer.Builder builder) {
    var thrown = assertThrows(IllegalArgumentException.class, builder::build);
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }

  private static AnchorAttentionLayer.Builder builder(int nIn, int nOut) {
    return new AnchorAttentionLayer.Builder().nIn(nIn).nOut(nOut);
  }

  private static INDArray attended(MultiLayerNetwork net, INDArray ids) {
    net.setLayerMaskArrays(MASK, null);
    INDArray attended = net.feedForwardToLayer(1, ids, false).get(2);
    net.clearLayerMaskArrays();
    return attended;
  }

  private static int[] bits(INDArray sequence, int token) {
    int[] bits = new int[(int) sequence.size(1)];
    Arrays.setAll(bits, c -> Float.floatToRawIntBits(sequence.getFloat(0, c, token)));
    return bits;
  }

  private static INDArray output(MultiLayerNetwork net) {
    return net.output(IDS, false, MASK, null);
  }

  private static DataSet batch(DataType type) {
    INDArray labels = Nd4j.zeros(type, 2, 2, 6);
    for (int t = 0; t < 6; t++) {
      labels.putScalar(0, t % 2, t, 1).putScalar(1, t / 3, t, 1);
    }
    return new DataSet(IDS, labels, MASK, MASK.gt(0).castTo(type));
  }

  private static RnnOutputLayer classes(int count) {
    return new RnnOutputLayer.Builder(LossFunction.MCXENT)
        .activation(Activation.SOFTMAX)
        .nIn(3)
        .nOut(count)
        .dataFormat(org.deeplearning4j.nn.conf.RNNFormat.NCW)
        .build();
  }

  private static MultiLayerNetwork network(
      DataType type, IUpdater updater, WorkspaceMode workspaces) {
    var conf =
        new NeuralNetConfiguration.Builder()
            .dataType(type)
            .updater(updater)
            .seed(4)
            .trainingWorkspaceMode(workspaces)
            .inferenceWorkspaceMode(workspaces)
            .list()
            .layer(new TokenEmbeddingLayer.Builder().nOut(3).build())
            .layer(
                new AnchorAttentionLayer.Builder()
                    .nOut(4)
                    .nHeads(2)
                    .kvHeads(1)
                    .ropeTheta(20)
                    .positions(Positions.PER_DOCUMENT)
                    .build())
            .layer(new BinaryMaskLayer.Builder().build())
            .layer(new LSTM.Builder().nOut(3).activation(Activation.TANH).build())
            .layer(classes(2))
            .setInputType(InputType.recurrent(6, 6))
            .build();
    var net = new MultiLayerNetwork(conf);
    net.init();
    return net;
  }
}
