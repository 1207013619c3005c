package io.anchor4j.dl4j.vertex;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.layer.BinaryMaskLayer;
import io.anchor4j.dl4j.layer.TokenLinearLayer;
import io.anchor4j.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The vertex in graphs of a user's own making: masks, stock layers around it, no documents. */
class AnchorAttentionVertexTest {
  private static final INDArray X = Nd4j.rand(DataType.DOUBLE, 2, 3, 5).subi(0.5).muli(4);

  /** Document ids, each plus one. */
  private static final INDArray MASK =
      Nd4j.createFromArray(new int[][] {{1, 2, 3, 2, 3}, {1, 2, 2, 0, 0}});

  private static final AttentionConfig ANCHOR =
      AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR);

  @Test
  void documentsComeFromTheMaskIfThereIsNoInputForThem() {
    ComputationGraph masked = graph(false, false);
    ComputationGraph given = graph(true, false);
    given.setParams(masked.params());
    INDArray documents = MASK.sub(1);
    assertEquals(
        given.outputSingle(X, documents), masked.output(false, arrays(X), arrays(MASK))[0]);
    // The mask is gone afterwards.
    assertEquals(given.outputSingle(X, Nd4j.ones(DataType.INT32, 2, 5)), masked.outputSingle(X));
    assertTrue(
        masked.outputSingle(X).sub(given.outputSingle(X, documents)).amaxNumber().doubleValue()
            > 1e-3);
  }

  @Test
  void gradientsAreThoseOfTheScoreUnderAMask() {
    GradientChecks.check(
        new GraphConfig()
            .net(graph(false, false))
            .inputs(arrays(X))
            .labels(arrays(labels()))
            .inputMask(arrays(MASK))
            .labelMask(arrays(MASK.gt(0).castTo(DataType.DOUBLE))));
  }

  /** Stock dropout overwrites what it reads, which is also what the gradient of attention reads. */
  @Test
  void stockDropoutRightAfterTheVertexDoesNotSpoilItsGradient() {
    GradientChecks.check(
        new GraphConfig()
            .net(graph(false, true))
            .inputs(arrays(X))
            .labels(arrays(labels()))
            .callEachIter(net -> Nd4j.getRandom().setSeed(12)));
  }

  /** What it would say otherwise ignores the tokens before, in silence. */
  @ParameterizedTest(name = "frozen {0}")
  @ValueSource(booleans = {false, true})
  void stepsAreRefused(boolean frozen) {
    ComputationGraph graph = graph(true, false);
    INDArray documents = MASK.sub(1);
    if (frozen) {
      graph = new TransferLearning.GraphBuilder(graph).setFeatureExtractor("attention").build();
    }
    ComputationGraph net = graph;
    INDArray before = net.outputSingle(X, documents);
    var thrown = assertThrows(IllegalStateException.class, () -> net.rnnTimeStep(X, documents));
    String expected = "\"attention\" (index 5): rnnTimeStep would lose the tokens before. Use an";
    assertTrue(thrown.getMessage().contains(expected), thrown.getMessage());
    assertEquals(before, net.outputSingle(X, documents));
  }

  @Test
  void inputsThatDoNotFitAreNamed() {
    GraphBuilder graph = builder("x").addInputs("key").addLayer("q", linear(3, 4), "x");
    graph
        .addVertex("attention", new AnchorAttentionVertex(2, 1, ANCHOR), "q", "key", "key")
        .addLayer("output", output(4), "attention")
        .setOutputs("output");
    ComputationGraph net = initialised(graph);
    var thrown = assertThrows(IllegalArgumentException.class, () -> net.outputSingle(X, X));
    String expected =
        "\"attention\" (index 3): query must be [batch, 2 * D, tokens] (heads), key and value"
            + " [batch, 1 * D, tokens] (kvHeads), got query [2, 4, 5], key [2, 3, 5]";
    assertTrue(thrown.getMessage().contains(expected), thrown.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new AnchorAttentionVertex(3, 2, ANCHOR));
  }

  @Test
  void theMemoryReportCountsWhatIsKeptForTheGradient() {
    var report =
        graph(true, false)
            .getConfiguration()
            .getMemoryReport(InputType.recurrent(3, 1000), InputType.recurrent(1, 1000));
    long kept = 2 * 1000; // A log-sum-exp of each head and token.
    assertEquals(4 * 6 * kept, bytes(report, MemoryType.CACHED_MEMORY_VARIABLE, 6));
    long outputs = 4 + 2 + 2 + 4 + 4 + 2; // Query, key, value, attention, next, output.
    assertEquals(4 * 6 * outputs * 1000, bytes(report, MemoryType.ACTIVATIONS, 6));
  }

  private static long bytes(MemoryReport report, MemoryType type, int batch) {
    return report.getMemoryBytes(
        type, batch, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT);
  }

  @Test
  void residualsOfDifferentShapesAreNamed() {
    GraphBuilder graph =
        builder("x")
            .addLayer("wide", linear(3, 4), "x")
            .addVertex("sum", new ResidualVertex(), "x", "wide")
            .addLayer("output", output(4), "sum")
            .setOutputs("output");
    ComputationGraph net = initialised(graph);
    var thrown = assertThrows(IllegalArgumentException.class, () -> net.outputSingle(X));
    assertTrue(thrown.getMessage().contains("got [2, 3, 5] and [2, 4, 5]"), thrown.getMessage());
  }

  private static ComputationGraph graph(boolean documents, boolean dropout) {
    GraphBuilder graph = builder("x");
    String[] inputs = {"q", "k", "v"};
    if (documents) {
      graph.addInputs("documents");
      inputs = new String[] {"q", "k", "v", "documents"};
    }
    graph
        .addLayer("q", linear(3, 4), "x")
        .addLayer("k", linear(3, 2), "x")
        .addLayer("v", linear(3, 2), "x")
        .addVertex("attention", new AnchorAttentionVertex(2, 1, ANCHOR), inputs);
    // The stock layer that follows multiplies by the mask, or works in place.
    Layer next =
        dropout ? new DropoutLayer.Builder(0.6).build() : new BinaryMaskLayer.Builder().build();
    graph.addLayer("next", next, "attention").addLayer("output", output(4), "next");
    return initialised(graph.setOutputs("output"));
  }

  private static GraphBuilder builder(String input) {
    return new NeuralNetConfiguration.Builder()
        .dataType(DataType.DOUBLE)
        .updater(new NoOp())
        .seed(2)
        .graphBuilder()
        .addInputs(input);
  }

  private static ComputationGraph initialised(GraphBuilder builder) {
    var graph = new ComputationGraph(builder.build());
    graph.init();
    return graph;
  }

  private static TokenLinearLayer linear(int nIn, int nOut) {
    return new TokenLinearLayer.Builder().nIn(nIn).nOut(nOut).build();
  }

  private static RnnOutputLayer output(int nIn) {
    return new RnnOutputLayer.Builder(LossFunction.MCXENT)
        .activation(Activation.SOFTMAX)
        .dataFormat(RNNFormat.NCW)
        .nIn(nIn)
        .nOut(2)
        .build();
  }

  private static INDArray labels() {
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, 2, 2, 5);
    for (int t = 0; t < 5; t++) {
      labels.putScalar(0, t % 2, t, 1).putScalar(1, t / 3, t, 1);
    }
    return labels;
  }

  private static INDArray[] arrays(INDArray... arrays) {
    return arrays;
  }
}
