package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.dl4j.layer.RmsNormLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import io.anchor4j.dl4j.vertex.TiedEmbeddingVertex;
import io.anchor4j.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** The output that uses the embedding's vectors. */
class DecoderTyingTest {
  /** The embedding is trained as input and as output unless it is frozen, then as neither. */
  @Test
  void aFrozenEmbeddingStaysAlsoWhenTied() {
    ComputationGraph graph = trained();
    ComputationGraph frozen =
        new TransferLearning.GraphBuilder(graph)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .setFeatureExtractor("embedding")
            .build();
    assertEquals(logits(graph), logits(frozen));
    INDArray before = frozen.params().dup();
    frozen.fit(TinyDecoders.batch());
    frozen.fit(TinyDecoders.batch());
    frozen
        .paramTable()
        .forEach(
            (name, array) -> {
              INDArray old = graph.paramTable().get(name);
              assertEquals(name.startsWith("embedding"), old.equals(array), name);
            });
    assertNotEquals(before, frozen.params());
  }

  /** Two outputs tied to one embedding both add to its gradient. */
  @Test
  void twoTiedOutputsShareOneGradient() {
    var output = new LanguageModelOutputLayer.Builder().nIn(3).nOut(5).tiedTo("embedding").build();
    ComputationGraphConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .updater(new NoOp())
            .seed(3)
            .graphBuilder()
            .addInputs("tokens")
            .addLayer(
                "embedding", new TokenEmbeddingLayer.Builder().nIn(5).nOut(3).build(), "tokens")
            .addLayer("norm", new RmsNormLayer.Builder().nIn(3).build(), "embedding")
            .addVertex("tied", new TiedEmbeddingVertex(), "norm")
            .addLayer("first", output, "tied")
            .addLayer("second", output.clone(), "tied")
            .setOutputs("first", "second")
            .build();
    var graph = new ComputationGraph(conf);
    graph.init();
    INDArray other =
        Nd4j.createFromArray(new int[][] {{1, 1, 0, 2, 2, 4, 3}, {-100, 3, 1, 0, 0, 0, 0}});
    GradientChecks.check(
        new GraphConfig()
            .net(graph)
            .inputs(new INDArray[] {TinyDecoders.tokens()})
            .labels(new INDArray[] {TinyDecoders.targets(), other}));
  }

  @Test
  void aTiedOutputWithoutItsVertexSaysSo() {
    ComputationGraphConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .graphBuilder()
            .addInputs("x")
            .addLayer(
                "output",
                new LanguageModelOutputLayer.Builder().nIn(2).nOut(3).tiedTo("embedding").build(),
                "x")
            .setOutputs("output")
            .build();
    var graph = new ComputationGraph(conf);
    graph.init();
    INDArray x = Nd4j.zeros(1, 2, 4);
    var thrown = assertThrows(IllegalStateException.class, () -> graph.outputSingle(x));
    assertTrue(thrown.getMessage().contains("Put a TiedEmbeddingVertex"), thrown.getMessage());
  }

  @Test
  void aTiedOutputNeedsAnEmbeddingOfItsSize() {
    ComputationGraphConfiguration conf =
        TinyDecoders.graph(TinyDecoders.config(true), DataType.FLOAT, new Sgd(1))
            .getConfiguration()
            .clone();
    var output = (LayerVertex) conf.getVertices().get("output");
    var layer = (LanguageModelOutputLayer) output.getLayerConf().getLayer();
    layer.setTiedTo("layer-0-mlp");
    assertMessage("tiedTo must name a TokenEmbeddingLayer", conf);
    layer.setTiedTo("nowhere");
    assertMessage("\"nowhere\", which is no layer of this network", conf);
    layer.setTiedTo("embedding");
    layer.setNOut(9);
    assertMessage("nOut=5 and nIn=3, got nOut=9 and nIn=3", conf);
  }

  private static void assertMessage(String part, ComputationGraphConfiguration conf) {
    var graph = new ComputationGraph(conf.clone());
    graph.init();
    var thrown = assertThrows(RuntimeException.class, () -> logits(graph));
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }

  private static ComputationGraph trained() {
    ComputationGraph graph =
        TinyDecoders.graph(TinyDecoders.config(true), DataType.FLOAT, new Sgd(0.1));
    graph.fit(TinyDecoders.batch());
    return graph;
  }

  private static INDArray logits(ComputationGraph graph) {
    INDArray[] in = TinyDecoders.inputs();
    return Decoder.logits(graph, in[0], in[1], in[2]);
  }
}
