package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.DocumentBorders;
import io.anchor4j.data.DocumentInputIterator;
import io.anchor4j.testing.GradientChecks;
import java.util.List;
import org.deeplearning4j.gradientcheck.GradientCheckUtil.GraphConfig;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.dataset.adapter.SingletonMultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.NoOp;

/** Documents in networks that never knew of any: only swapped attention may notice them. */
class RetrofitDocumentsTest {
  private static final int TOKENS = 6;
  private static final int WORDS = 9;

  private static final AttentionRetrofit BY_INPUT =
      new AttentionRetrofit.Builder()
          .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
          .documentInputs()
          .build();

  private static final AttentionRetrofit BY_MASK =
      new AttentionRetrofit.Builder()
          .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
          .build();

  /** Two blocks with a residual connection, over an embedding that multiplies by its mask. */
  private static ComputationGraph stock(DataType type, boolean learning) {
    ComputationGraphConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .seed(5)
            .dataType(type)
            .updater(learning ? new Adam(0.05) : new NoOp())
            .graphBuilder()
            .addInputs("words")
            .addLayer("embedding", embedding(), "words")
            .addVertex("lower", StockNetworks.vertex(6, 6), "embedding", "embedding", "embedding")
            .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "embedding", "lower")
            .addLayer("upper", StockNetworks.attention(6, 2, 3).build(), "sum")
            .addLayer("out", StockNetworks.output().nIn(6).build(), "upper")
            .setOutputs("out")
            .build();
    var graph = new ComputationGraph(configuration);
    graph.init();
    return graph;
  }

  private static EmbeddingSequenceLayer embedding() {
    return new EmbeddingSequenceLayer.Builder().nIn(WORDS).nOut(6).inputLength(TOKENS).build();
  }

  private static INDArray words(int... ids) {
    return Nd4j.createFromArray(new int[][] {ids});
  }

  private static INDArray output(ComputationGraph graph, INDArray words, int[] documents) {
    return output(graph, words, documents, null);
  }

  private static INDArray output(
      ComputationGraph graph, INDArray words, int[] documents, INDArray mask) {
    INDArray ids = Nd4j.createFromArray(new int[][] {documents});
    INDArray positions = words(0, 1, 2, 3, 4, 5);
    INDArray[] masks = mask == null ? null : new INDArray[] {mask, null, null};
    return graph.output(false, new INDArray[] {words, ids, positions}, masks, null)[0];
  }

  private static INDArray tokens(INDArray output, int from, int to) {
    INDArray part = Nd4j.create(output.dataType(), output.size(1), to - from);
    for (int c = 0; c < output.size(1); c++) {
      for (int t = from; t < to; t++) {
        part.putScalar(c, t - from, output.getDouble(0, c, t));
      }
    }
    return part;
  }

  @Test
  void aDocumentSeesNothingOfAnotherPastAResidualConnection() {
    ComputationGraph graph = BY_INPUT.apply(stock(DataType.FLOAT, true)).result();
    int[] documents = {7, 7, 7, 3, 3, 3};
    INDArray one = output(graph, words(1, 2, 3, 4, 5, 6), documents);
    INDArray other = output(graph, words(1, 2, 3, 8, 5, 0), documents);
    assertEquals(tokens(one, 0, 3), tokens(other, 0, 3));
    assertNotEquals(tokens(one, 3, 6), tokens(other, 3, 6));
    INDArray together = output(graph, words(1, 2, 3, 4, 5, 6), new int[] {1, 1, 1, 1, 1, 1});
    assertNotEquals(tokens(one, 0, 3), tokens(together, 0, 3));
  }

  @Test
  void whatADocumentIsCalledChangesNothing() {
    ComputationGraph stock = stock(DataType.FLOAT, true);
    ComputationGraph graph = BY_INPUT.apply(stock).result();
    INDArray words = words(1, 2, 3, 4, 5, 6);
    INDArray eight = output(graph, words, new int[] {8, 8, 8, 8, 8, 8});
    assertEquals(output(graph, words, new int[] {1, 1, 1, 1, 1, 1}), eight);
    INDArray before = stock.outputSingle(words);
    assertTrue(StockNetworks.largestDifference(before, eight) <= 1e-5, "as without documents");
  }

  @Test
  void paddingOfTheFeaturesMaskStaysHidden() {
    ComputationGraph graph = BY_INPUT.apply(stock(DataType.FLOAT, true)).result();
    INDArray mask = Nd4j.createFromArray(new float[][] {{1, 1, 1, 1, 1, 0}});
    int[] documents = {1, 1, 1, 2, 2, 2};
    INDArray one = output(graph, words(1, 2, 3, 4, 5, 6), documents, mask);
    INDArray other = output(graph, words(1, 2, 3, 4, 5, 7), documents, mask);
    assertEquals(tokens(one, 0, 5), tokens(other, 0, 5));
    INDArray padded = output(graph, words(1, 2, 3, 4, 5, 6), new int[] {1, 1, 1, 2, 2, -1});
    assertEquals(tokens(padded, 3, 5), tokens(one, 3, 5));
  }

  @Test
  void gradientsAreThoseOfFiniteDifferences() {
    ComputationGraph graph = BY_INPUT.apply(stock(DataType.DOUBLE, false)).result();
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, 1, StockNetworks.CLASSES, TOKENS);
    for (int t = 0; t < TOKENS; t++) {
      labels.putScalar(0, t % StockNetworks.CLASSES, t, 1);
    }
    GradientChecks.check(
        new GraphConfig()
            .net(graph)
            .inputs(
                new INDArray[] {
                  words(1, 2, 3, 4, 5, 6), words(0, 2, 2, 1, 1, -1), words(0, 1, 2, 1, 2, 0)
                })
            .labels(new INDArray[] {labels}));
  }

  @Test
  void trainsOnWithTheIteratorAndIsSaved() {
    ComputationGraph graph = BY_INPUT.apply(stock(DataType.FLOAT, true)).result();
    INDArray labels = Nd4j.zeros(DataType.FLOAT, 1, StockNetworks.CLASSES, TOKENS);
    for (int t = 0; t < TOKENS; t++) {
      labels.putScalar(0, t % StockNetworks.CLASSES, t, 1);
    }
    var rows = new MultiDataSet(words(1, 2, 0, 4, 5, 6), labels);
    var data =
        new DocumentInputIterator(
            new SingletonMultiDataSetIterator(rows), DocumentBorders.separator(0));
    double first = graph.score(data.next());
    data.reset();
    graph.fit(data, 20);
    data.reset();
    double last = graph.score(data.next());
    assertTrue(last < 0.5 * first, () -> "score " + first + " to " + last);
    String json = graph.getConfiguration().toJson();
    assertEquals(graph.getConfiguration(), ComputationGraphConfiguration.fromJson(json));
  }

  @Test
  void theReportNamesWhomDocumentNumbersInAMaskWouldHarm() {
    assertEquals(
        List.of(
            "documents in a features mask would go wrong in \"embedding\", \"sum\", \"out\": DL4J's"
                + " layers multiply by the mask, its merging vertices make it 0 and 1. Use"
                + " documentInputs()"),
        BY_MASK.apply(stock(DataType.FLOAT, true).getConfiguration()).report().notes());
    assertEquals(
        List.of(), BY_INPUT.apply(stock(DataType.FLOAT, true).getConfiguration()).report().notes());
    var layers = StockNetworks.layers(new NeuralNetConfiguration.Builder().updater(new Adam(0.01)));
    assertEquals(
        List.of(
            "documents in a features mask would go wrong in \"lstm\", \"between\", \"out\": DL4J's"
                + " layers multiply by the mask. Swap network.toComputationGraph() with"
                + " documentInputs(), or see docs/retrofit.md"),
        BY_MASK.apply(layers).report().notes());
  }

  @Test
  void aNetworkOfLayersTakesDocumentsAsAGraph() {
    MultiLayerNetwork network = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    var refused = assertThrows(IllegalArgumentException.class, () -> BY_INPUT.apply(network));
    assertTrue(refused.getMessage().contains("toComputationGraph()"), refused.getMessage());
    ComputationGraph graph = BY_INPUT.apply(network.toComputationGraph()).result();
    INDArray x = StockNetworks.rows(DataType.FLOAT, 3, false).getFeatures();
    INDArray one = Nd4j.ones(DataType.INT32, 3, x.size(2));
    INDArray positions = Nd4j.zeros(DataType.INT32, 3, x.size(2));
    assertTrue(
        StockNetworks.largestDifference(network.output(x), graph.output(x, one, positions)[0])
            <= 1e-5,
        "as without documents");
  }

  @Test
  void takenNamesAreRefused() {
    var swappable = stock(DataType.FLOAT, true).getConfiguration();
    swappable.getNetworkInputs().add("documents");
    var refused = assertThrows(IllegalArgumentException.class, () -> BY_INPUT.apply(swappable));
    assertEquals(
        "AttentionRetrofit: documentInputs() adds \"documents\", and the graph has one already. Give"
            + " it another name.",
        refused.getMessage());
  }
}
