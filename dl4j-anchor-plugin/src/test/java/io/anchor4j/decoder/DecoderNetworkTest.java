package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** A decoder among the tools of DL4J that work on whole networks. */
class DecoderNetworkTest {

  @ParameterizedTest(name = "tied {0}")
  @ValueSource(booleans = {true, false})
  void aSavedNetworkGoesOnAsIfItHadNotBeenSaved(boolean tied) throws Exception {
    ComputationGraph graph = trained(tied);
    var file = new ByteArrayOutputStream();
    ModelSerializer.writeModel(graph, file, true);
    ComputationGraph restored =
        ModelSerializer.restoreComputationGraph(new ByteArrayInputStream(file.toByteArray()), true);
    assertEquals(graph.getConfiguration(), restored.getConfiguration());
    assertGoesOnAlike(graph, restored);
  }

  @ParameterizedTest(name = "tied {0}")
  @ValueSource(booleans = {true, false})
  void aCloneIsAlikeAndIndependent(boolean tied) {
    ComputationGraph graph = trained(tied);
    ComputationGraph clone = graph.clone();
    // DL4J M2.1 copies the state of Adam and forgets how many steps it stands for.
    clone.getConfiguration().setIterationCount(graph.getConfiguration().getIterationCount());
    assertGoesOnAlike(graph, clone);
    INDArray before = logits(graph);
    clone.fit(TinyDecoders.batch());
    assertEquals(before, logits(graph));
    assertNotEquals(before, logits(clone));
  }

  private static ComputationGraph trained(boolean tied) {
    ComputationGraph graph =
        TinyDecoders.graph(TinyDecoders.config(tied), DataType.FLOAT, new Adam(0.01));
    graph.fit(TinyDecoders.batch());
    graph.fit(TinyDecoders.batch());
    return graph;
  }

  private static void assertGoesOnAlike(ComputationGraph expected, ComputationGraph actual) {
    assertEquals(logits(expected), logits(actual));
    expected.fit(TinyDecoders.batch());
    actual.fit(TinyDecoders.batch());
    assertEquals(expected.params(), actual.params());
    assertEquals(expected.score(), actual.score());
  }

  @Test
  void workspacesChangeNoBit() {
    DecoderConfig config = TinyDecoders.config(true);
    ComputationGraph with =
        TinyDecoders.graph(config, DataType.FLOAT, new Sgd(0.3), WorkspaceMode.ENABLED);
    ComputationGraph without =
        TinyDecoders.graph(config, DataType.FLOAT, new Sgd(0.3), WorkspaceMode.NONE);
    for (int i = 0; i < 4; i++) {
      with.fit(TinyDecoders.batch());
      without.fit(TinyDecoders.batch());
      assertEquals(without.score(), with.score());
    }
    assertEquals(without.params(), with.params());
    assertEquals(logits(without), logits(with));
  }

  @ParameterizedTest
  @CsvSource({"FLOAT, 1e-5", "HALF, 0.03", "DOUBLE, 0"})
  void everyTypeOfNetworkLearnsTheSame(DataType type, double allowed) {
    DecoderConfig config = TinyDecoders.config(true);
    ComputationGraph exact = TinyDecoders.graph(config, DataType.DOUBLE, new Sgd(0.5));
    ComputationGraph graph = TinyDecoders.graph(config, type, new Sgd(0.5));
    exact.setParams(graph.params().castTo(DataType.DOUBLE));
    double first = exact.score(TinyDecoders.batch());
    for (int i = 0; i < 8; i++) {
      exact.fit(TinyDecoders.batch());
      graph.fit(TinyDecoders.batch());
      assertEquals(exact.score(), graph.score(), allowed);
    }
    assertTrue(exact.score() < first - 0.1, first + " to " + exact.score());
    assertEquals(type, logits(graph).dataType());
  }

  @ParameterizedTest
  @EnumSource(GradientNormalization.class)
  void clippingAndRegularizationOfDl4jReachEveryLayer(GradientNormalization normalization) {
    ComputationGraphConfiguration conf =
        TinyDecoders.graph(TinyDecoders.config(true), DataType.DOUBLE, new Sgd(0.5))
            .getConfiguration()
            .clone();
    for (var vertex : conf.getVertices().values()) {
      if (vertex instanceof LayerVertex layer) {
        var base = (BaseLayer) layer.getLayerConf().getLayer();
        base.setGradientNormalization(normalization);
        base.setGradientNormalizationThreshold(1e-3);
        base.setRegularization(List.of(new L2Regularization(0.1)));
      }
    }
    var graph = new ComputationGraph(conf);
    graph.init();
    double plain =
        Decoder.tokenLosses(
                    graph,
                    TinyDecoders.tokens(),
                    TinyDecoders.documents(),
                    TinyDecoders.positions(),
                    TinyDecoders.targets())
                .sumNumber()
                .doubleValue()
            / 9;
    double squares = 0;
    for (var entry : graph.paramTable().entrySet()) {
      // Weights are regularized, gains are not.
      squares +=
          entry.getKey().endsWith("gain")
              ? 0
              : Math.pow(entry.getValue().norm2Number().doubleValue(), 2);
    }
    assertEquals(plain + 0.1 * squares / 2, graph.score(TinyDecoders.batch(), true), 1e-9);
    INDArray before = graph.params().dup();
    graph.fit(TinyDecoders.batch());
    assertNotEquals(before, graph.params());
  }

  @Test
  void aBatchWithoutTargetsHasNoLossAndNoGradient() {
    ComputationGraph graph =
        TinyDecoders.graph(TinyDecoders.config(true), DataType.FLOAT, new Sgd(1));
    INDArray before = graph.params().dup();
    INDArray none = Nd4j.valueArrayOf(new long[] {2, 7}, -100, DataType.INT32);
    graph.fit(new MultiDataSet(TinyDecoders.inputs(), new INDArray[] {none}));
    assertEquals(0, graph.score());
    assertEquals(before, graph.params());
  }

  @Test
  void freezingAtAVertexFreezesAllBeforeIt() {
    ComputationGraph graph = trained(false);
    ComputationGraph frozen =
        new TransferLearning.GraphBuilder(graph)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .setFeatureExtractor("layer-0-mlp-residual")
            .build();
    assertEquals(logits(graph), logits(frozen));
    frozen.fit(TinyDecoders.batch());
    frozen
        .paramTable()
        .forEach(
            (name, array) -> {
              boolean trains = name.startsWith("norm") || name.startsWith("output");
              assertEquals(trains, !graph.paramTable().get(name).equals(array), name);
            });
  }

  /** Editing one vertex makes DL4J copy the others' parameters one by one. */
  @Test
  void aNewOutputKeepsTheOtherParameters() {
    ComputationGraph graph = trained(false);
    ComputationGraph edited =
        new TransferLearning.GraphBuilder(graph)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .removeVertexKeepConnections("output")
            .addLayer(
                "output", new LanguageModelOutputLayer.Builder().nIn(3).nOut(9).build(), "norm")
            .build();
    for (String name : graph.paramTable().keySet()) {
      if (!name.startsWith("output")) {
        assertEquals(graph.paramTable().get(name), edited.paramTable().get(name), name);
      }
    }
    assertEquals(9, logits(edited).size(2));
    edited.fit(TinyDecoders.batch());
  }

  @Test
  void summaryAndMemoryReportCountEveryParameter() {
    DecoderConfig config =
        TinyDecoders.config(true, true, TinyDecoders.config(true).attention().mask());
    ComputationGraph graph = TinyDecoders.graph(config, DataType.FLOAT, new Adam(1));
    InputType ids = InputType.recurrent(1, 7);
    InputType tokens = InputType.recurrent(TinyDecoders.VOCABULARY, 7);
    for (String summary : List.of(graph.summary(), graph.summary(tokens, ids, ids))) {
      assertTrue(
          summary.replace(",", "").contains("Total Parameters:  " + config.parameters() + "\n"),
          summary);
      assertTrue(summary.contains("layer-0-attention (AnchorAttentionVertexImpl)"), summary);
    }
    var report = graph.getConfiguration().getMemoryReport(tokens, ids, ids);
    assertEquals(
        4 * config.parameters(),
        report.getMemoryBytes(
            MemoryType.PARAMETERS, 1, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT));
    assertEquals(
        2 * 4 * config.parameters(),
        report.getMemoryBytes(
            MemoryType.UPDATER_STATE, 1, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT));
  }

  private static INDArray logits(ComputationGraph graph) {
    INDArray[] in = TinyDecoders.inputs();
    return Decoder.logits(graph, in[0], in[1], in[2]);
  }
}
