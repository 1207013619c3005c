package io.anchor4j.decoder;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.NoOp;

class DecoderGradientTest {

  @ParameterizedTest(name = "tied {0}, biases {1}, {2}, workspaces {3}")
  @CsvSource({
    "false, false, FULL, ENABLED",
    "true, true, ANCHOR, ENABLED",
    "true, false, INTRA_DOCUMENT, NONE",
  })
  void everyParameterHasTheGradientOfTheScore(
      boolean tied, boolean biases, AttentionMask mask, WorkspaceMode workspaces) {
    DecoderConfig config = TinyDecoders.config(tied, biases, mask);
    check(TinyDecoders.graph(config, DataType.DOUBLE, new NoOp(), workspaces));
  }

  @Test
  void layersThatDifferAndHeadNormsHaveTheGradientOfTheScore() {
    check(TinyDecoders.graph(TinyDecoders.configOfUnlikeLayers(), DataType.DOUBLE, new NoOp()));
  }

  /** DL4J then divides gradients by the batch size, which the output layer has to undo. */
  @Test
  void gradientsAreRightWhenDl4jDividesByTheBatchSize() {
    ComputationGraphConfiguration conf =
        TinyDecoders.graph(TinyDecoders.config(true), DataType.DOUBLE, new NoOp())
            .getConfiguration()
            .clone();
    conf.getDefaultConfiguration().setMiniBatch(true);
    for (var vertex : conf.getVertices().values()) {
      if (vertex instanceof LayerVertex layer) {
        layer.getLayerConf().setMiniBatch(true);
      }
    }
    var graph = new ComputationGraph(conf);
    graph.init();
    check(graph);
  }

  private static void check(ComputationGraph graph) {
    GradientChecks.check(
        new GraphConfig()
            .net(graph)
            .inputs(TinyDecoders.inputs())
            .labels(new INDArray[] {TinyDecoders.targets()}));
  }
}
