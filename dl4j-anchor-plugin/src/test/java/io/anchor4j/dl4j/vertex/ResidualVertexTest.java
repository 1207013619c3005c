package io.anchor4j.dl4j.vertex;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import io.anchor4j.dl4j.layer.TokenLinearLayer;
import io.anchor4j.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

class ResidualVertexTest {

  /**
   * {@code x} goes into a sum, into the other term of that sum and elsewhere. DL4J adds the
   * gradient from elsewhere into the array that the sum gave for {@code x}, before or after it
   * reads the one that the sum gave for the other term, depending on the order of the layers.
   */
  @ParameterizedTest(name = "elsewhere first: {0}")
  @ValueSource(booleans = {true, false})
  void theTermsHaveGradientsOfTheirOwn(boolean elsewhereFirst) {
    var graph =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .updater(new NoOp())
            .seed(2)
            .graphBuilder()
            .addInputs("ids")
            .addLayer("x", new TokenEmbeddingLayer.Builder().nIn(4).nOut(3).build(), "ids");
    if (elsewhereFirst) {
      graph.addLayer("elsewhere", linear(), "x").addLayer("term", linear(), "x");
    } else {
      graph.addLayer("term", linear(), "x").addLayer("elsewhere", linear(), "x");
    }
    graph
        .addVertex("sum", new ResidualVertex(), "x", "term")
        .addVertex("total", new ResidualVertex(), "sum", "elsewhere")
        .addLayer("output", new LanguageModelOutputLayer.Builder().nIn(3).nOut(4).build(), "total")
        .setOutputs("output");
    var net = new ComputationGraph(graph.build());
    net.init();
    GradientChecks.check(
        new GraphConfig()
            .net(net)
            .inputs(new INDArray[] {Nd4j.createFromArray(new int[][] {{1, 3, 0}, {2, 2, 1}})})
            .labels(new INDArray[] {Nd4j.createFromArray(new int[][] {{3, 0, -100}, {2, 1, 0}})}));
  }

  /** DL4J's ElementWiseVertex would hand on 0 and 1, and the documents would see each other. */
  @Test
  void theMaskKeepsItsDocuments() {
    var conf =
        new NeuralNetConfiguration.Builder()
            .graphBuilder()
            .addInputs("x")
            .addLayer("term", linear(), "x")
            .addVertex("sum", new ResidualVertex(), "term", "x")
            .addLayer(
                "attention",
                new AnchorAttentionLayer.Builder().nIn(3).nOut(3).nHeads(1).build(),
                "sum")
            .setOutputs("attention")
            .build();
    var net = new ComputationGraph(conf);
    net.init();
    INDArray[] mask = {Nd4j.createFromArray(new int[][] {{1, 2, 3}})};
    INDArray x = Nd4j.rand(DataType.FLOAT, 1, 3, 3);
    INDArray changed = x.dup().putScalar(new int[] {0, 0, 1}, 5);
    INDArray before = net.output(false, new INDArray[] {x}, mask)[0];
    INDArray after = net.output(false, new INDArray[] {changed}, mask)[0];
    for (int c = 0; c < 3; c++) {
      assertEquals(before.getFloat(0, c, 2), after.getFloat(0, c, 2));
      assertNotEquals(before.getFloat(0, c, 1), after.getFloat(0, c, 1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"c", "f", "token-major"})
  void anyLayoutOfInputsGivesTheSum(String layout) {
    var conf =
        new NeuralNetConfiguration.Builder()
            .graphBuilder()
            .addInputs("a", "b")
            .addVertex("sum", new ResidualVertex(), "a", "b")
            .setOutputs("sum")
            .build();
    var net = new ComputationGraph(conf);
    net.init();
    INDArray a = Nd4j.rand(DataType.FLOAT, 2, 3, 5);
    INDArray b = Nd4j.rand(DataType.FLOAT, 2, 3, 5);
    INDArray other =
        switch (layout) {
          case "token-major" -> b.permute(0, 2, 1).dup('c').permute(0, 2, 1);
          default -> b.dup(layout.charAt(0));
        };
    INDArray sum = net.outputSingle(a, other);
    assertEquals(a.add(b), sum);
    assertArrayEquals(new long[] {15, 1, 3}, sum.stride(), "token by token");
  }

  private static TokenLinearLayer linear() {
    return new TokenLinearLayer.Builder().nIn(3).nOut(3).build();
  }
}
