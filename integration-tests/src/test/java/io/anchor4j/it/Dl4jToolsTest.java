package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.BinaryMaskLayer;
import io.anchor4j.dl4j.layer.RmsNormLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.optimize.listeners.PerformanceListener;
import org.deeplearning4j.optimize.listeners.ScoreIterationListener;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.stats.api.StatsReport;
import org.deeplearning4j.ui.model.stats.api.StatsType;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.junit.jupiter.api.Test;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** DL4J's own tools on networks with our layers. */
class Dl4jToolsTest {
  private static final int TOKENS = 8;
  private static final int CLASSES = 3;
  private static final int LAYERS = 5;

  @Test
  void transferLearningFreezesAndReplaces() {
    MultiLayerNetwork net = network(new Sgd(0.1), CLASSES);
    MultiLayerNetwork other =
        new TransferLearning.Builder(net)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .setFeatureExtractor(2)
            .removeOutputLayer()
            .addLayer(output(5))
            .build();
    for (String key : new String[] {"0_W", "1_Wq", "1_Wo", "2_gain"}) {
      assertEquals(net.getParam(key), other.getParam(key), key);
    }
    INDArray frozen = other.getParam("1_Wq").dup();
    INDArray trained = other.getParam("4_W").dup();
    other.fit(rows(5, 4, 1).get(0));
    assertEquals(frozen, other.getParam("1_Wq"));
    assertNotEquals(trained, other.getParam("4_W"));
  }

  @Test
  void earlyStoppingKeepsTheBestModel() {
    List<DataSet> data = rows(CLASSES, 12, 1);
    var configuration =
        new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
            .epochTerminationConditions(new MaxEpochsTerminationCondition(4))
            .scoreCalculator(new DataSetLossCalculator(iterator(data, 4), true))
            .modelSaver(new InMemoryModelSaver<>())
            .build();
    MultiLayerNetwork net = network(new Adam(0.02), CLASSES);
    EarlyStoppingResult<MultiLayerNetwork> result =
        new EarlyStoppingTrainer(configuration, net, iterator(data, 4)).fit();
    assertEquals(
        EarlyStoppingResult.TerminationReason.EpochTerminationCondition,
        result.getTerminationReason());
    assertEquals(4, result.getTotalEpochs());
    double best =
        new DataSetLossCalculator(iterator(data, 4), true).calculateScore(result.getBestModel());
    // Not getBestModelScore(), which M2.1 leaves at 0.
    assertEquals(result.getScoreVsEpoch().get(result.getBestModelEpoch()), best, 1e-6);
    assertTrue(best < result.getScoreVsEpoch().get(0));
  }

  @Test
  void listenersAndTheTrainingPageSeeOurLayers() {
    MultiLayerNetwork net = network(new Adam(0.02), CLASSES);
    var storage = new InMemoryStatsStorage();
    net.setListeners(
        new ScoreIterationListener(2),
        new PerformanceListener(2, true),
        new StatsListener(storage, 1));
    List<DataSet> data = rows(CLASSES, 8, 1);
    net.fit(iterator(data, 4), 3);
    String session = storage.listSessionIDs().get(0);
    assertEquals(6, storage.getNumUpdateRecordsFor(session));
    var update =
        (StatsReport)
            storage.getLatestUpdate(
                session, StatsListener.TYPE_ID, storage.listWorkerIDsForSession(session).get(0));
    assertEquals(net.score(), update.getScore(), 1e-6);
    var magnitudes = update.getMeanMagnitudes(StatsType.Parameters);
    assertEquals(
        net.getParam("1_Wq").norm1Number().doubleValue() / net.getParam("1_Wq").length(),
        magnitudes.get("1_Wq"),
        1e-4);
  }

  @Test
  void evaluationCountsWhatTheNetworkSays() {
    List<DataSet> data = rows(CLASSES, 10, 1);
    MultiLayerNetwork net = network(new Adam(0.05), CLASSES);
    net.fit(iterator(data, 5), 20);
    Evaluation evaluation = net.evaluate(iterator(data, 5));
    int right = 0;
    for (DataSet row : data) {
      INDArray said = net.output(row.getFeatures()).argMax(1);
      INDArray meant = row.getLabels().argMax(1);
      right += said.eq(meant).castTo(DataType.INT32).sumNumber().intValue();
    }
    assertEquals(right / (10.0 * TOKENS), evaluation.accuracy(), 1e-9);
    assertTrue(evaluation.accuracy() > 0.6, evaluation.stats());
  }

  @Test
  void theSummaryCountsParameters() {
    MultiLayerNetwork net = network(new Sgd(0.1), CLASSES);
    long embedding = 10 * 16;
    long attention = 16 * 16 + 2 * 8 * 16 + 16 * 16; // two key/value heads of four
    long gain = 16;
    long output = 16 * CLASSES + CLASSES;
    assertEquals(embedding + attention + gain + output, net.numParams());
    String summary = net.summary();
    assertTrue(summary.contains("AnchorAttentionLayer"), summary);
    assertTrue(summary.contains("%,d".formatted(attention)), summary);
    assertTrue(
        summary.matches("(?s).*Total Parameters:\\s+%,d\\s.*".formatted(net.numParams())), summary);
  }

  @Test
  void rowsOfDifferentLengthsAreWhatTheyAreAlone() {
    MultiLayerNetwork net = network(new Sgd(0.1), CLASSES);
    INDArray ids =
        Nd4j.createFromArray(new int[][] {{3, 1, 4, 1, 5, 0, 0, 0}, {2, 7, 1, 8, 2, 8, 1, 8}});
    INDArray mask =
        Nd4j.createFromArray(new int[][] {{2, 2, 2, 2, 2, 0, 0, 0}, {2, 2, 2, 2, 2, 2, 2, 2}});
    INDArray both = net.output(ids, false, mask, null);
    INDArray shorter = ids.get(NDArrayIndex.interval(0, 1), NDArrayIndex.interval(0, 5)).dup();
    INDArray its = mask.get(NDArrayIndex.interval(0, 1), NDArrayIndex.interval(0, 5)).dup();
    INDArray alone = net.output(shorter, false, its, null);
    INDArray padded =
        both.get(NDArrayIndex.interval(0, 1), NDArrayIndex.all(), NDArrayIndex.interval(0, 5));
    assertArrayEquals(alone.shape(), padded.shape());
    assertEquals(0, alone.sub(padded).amaxNumber().doubleValue(), 1e-6);
    assertFalse(both.isNaN().any());
  }

  private static RnnOutputLayer output(int classes) {
    return new RnnOutputLayer.Builder()
        .nIn(16)
        .nOut(classes)
        .activation(Activation.SOFTMAX)
        .dataFormat(RNNFormat.NCW)
        .build();
  }

  private static MultiLayerNetwork network(IUpdater updater, int classes) {
    var net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(updater)
                .seed(12)
                .list()
                .layer(new TokenEmbeddingLayer.Builder().nIn(10).nOut(16).build())
                .layer(
                    new AnchorAttentionLayer.Builder()
                        .nIn(16)
                        .nOut(16)
                        .nHeads(4)
                        .kvHeads(2)
                        .mask(AttentionMask.INTRA_DOCUMENT)
                        .ropeTheta(10_000)
                        .build())
                .layer(new RmsNormLayer.Builder().nIn(16).nOut(16).build())
                .layer(new BinaryMaskLayer.Builder().build())
                .layer(output(classes))
                .build());
    net.init();
    assertEquals(LAYERS, net.getnLayers());
    return net;
  }

  /** Rows in which a token's class is that of the token before it. */
  private static List<DataSet> rows(int classes, int count, long seed) {
    var random = new Random(seed);
    List<DataSet> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] ids = random.ints(TOKENS, 0, 10).toArray();
      INDArray labels = Nd4j.zeros(DataType.FLOAT, 1, classes, TOKENS);
      for (int t = 0; t < TOKENS; t++) {
        labels.putScalar(0, ids[t == 0 ? 0 : t - 1] % classes, t, 1);
      }
      rows.add(new DataSet(Nd4j.createFromArray(new int[][] {ids}), labels));
    }
    return rows;
  }

  private static ListDataSetIterator<DataSet> iterator(List<DataSet> rows, int batch) {
    return new ListDataSetIterator<>(rows, batch);
  }
}
