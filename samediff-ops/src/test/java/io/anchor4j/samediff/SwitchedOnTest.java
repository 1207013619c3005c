package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.samediff.AttentionGraphs.Parts;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;

/** What is switched on in the call: documents, causal, window, rotary, precision. */
class SwitchedOnTest {
  private static final int[][] DOCUMENTS = {
    {1, 1, 1, 2, 2, 2}, {1, 1, 2, 2, 2, 2}, {1, 1, 1, 1, 1, 2}
  };

  private static Map<String, INDArray> inputs(SameDiff graph) {
    var inputs = AttentionGraphs.inputs(graph, DataType.FLOAT, 4, false);
    inputs.computeIfPresent("mask", (name, mask) -> Nd4j.onesLike(mask));
    if (graph.hasVariable("documents")) {
      inputs.put("documents", Nd4j.createFromArray(DOCUMENTS));
    }
    return inputs;
  }

  private static AttentionConfig config(SameDiff graph) {
    return graph.getOps().values().stream()
        .filter(op -> op.getOp() instanceof AnchorAttention)
        .map(op -> AttentionConfig.fromJson(((AnchorAttention) op.getOp()).getSArgument(0)))
        .findFirst()
        .orElseThrow();
  }

  /** What each document gives alone, by the old op and a padding mask that hides the other. */
  private static INDArray eachDocumentAlone() {
    SameDiff old = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    Map<String, INDArray> inputs = inputs(old);
    INDArray result = Nd4j.create(DataType.FLOAT, Parts.ROWS, Parts.TOKENS, Parts.CHANNELS);
    for (int document = 1; document <= 2; document++) {
      INDArray mask = Nd4j.createFromArray(DOCUMENTS).eq(document).castTo(DataType.FLOAT);
      inputs.put("mask", mask);
      INDArray mixed = old.outputSingle(inputs, "mixed");
      result.addi(mixed.mul(mask.reshape(Parts.ROWS, Parts.TOKENS, 1)));
    }
    return result;
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "SCALED_AFTER_BY_A_NUMBER",
        "ONE_MINUS_MASK_TIMES_A_LOT",
        "STOCK_OP_OF_RANK_4_WITH_MASK",
        "SOFTMAX_OVER_THE_AXIS_BEFORE_THE_LAST",
        "HEADS_FOLDED_INTO_THE_BATCH",
        "HEADS_CONCATENATED_ALONG_THE_BATCH"
      })
  void aDocumentSeesItselfAlone(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    var report =
        new SameDiffRetrofit.Builder()
            .documents("documents")
            .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
            .build()
            .apply(graph);
    INDArray mixed = graph.outputSingle(inputs(graph), "mixed");
    double difference = Differences.ofValues(eachDocumentAlone(), mixed);
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
    assertEquals(
        List.of(
            "feed 'documents' INT [B, T] (1 everywhere is a row of one document); for training,"
                + " add it to the data set feature mapping"),
        report.notes());
  }

  /** Queries [T, C] without a batch are one row of documents, and these are the rows of rank 3. */
  @Test
  void aGraphOfRank2TakesOneRowOfDocuments() {
    SameDiff graph = AttentionGraphs.RANK_2_WITH_MASK.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
        .build()
        .apply(graph);
    Map<String, INDArray> inputs = inputs(graph);
    int[] rows =
        IntStream.range(0, Parts.ROWS * Parts.TOKENS).map(t -> 1 + t / Parts.TOKENS).toArray();
    inputs.put("documents", Nd4j.createFromArray(new int[][] {rows}));
    SameDiff batch = AttentionGraphs.SINGLE_HEAD_OF_RANK_3_WITH_MASK.graph(DataType.FLOAT);
    double difference =
        Differences.ofValues(
            batch.outputSingle(inputs(batch), "mixed"), graph.outputSingle(inputs, "mixed"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }

  /** Heads [B, C, T] of M2.1's own op, whose weights are drawn otherwise: a leak test. */
  @ParameterizedTest
  @EnumSource(
      names = {
        "STOCK_OP",
        "MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES",
        "SINGLE_HEAD_OF_RANK_3_WITH_MASK"
      })
  void otherDocumentsDoNotLeak(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
        .build()
        .apply(graph);
    Map<String, INDArray> inputs = inputs(graph);
    INDArray before = graph.outputSingle(inputs, "mixed");
    inputs.get("input").get(NDArrayIndex.point(0), NDArrayIndex.interval(3, 6)).muli(1e6);
    INDArray after = graph.outputSingle(inputs, "mixed");
    for (int token = 0; token < Parts.TOKENS; token++) {
      boolean same = true;
      for (int channel = 0; channel < Parts.CHANNELS; channel++) {
        same &= before.getDouble(0, token, channel) == after.getDouble(0, token, channel);
      }
      assertEquals(token < 3, same, "token " + token);
    }
  }

  @Test
  void causalIsTheCausalConstant() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder().attention(a -> a.withCausal(true)).build().apply(graph);
    SameDiff old = AttentionGraphs.CAUSAL_CONSTANT.graph(DataType.FLOAT);
    double difference =
        Differences.ofValues(
            old.outputSingle(inputs(old), "mixed"), graph.outputSingle(inputs(graph), "mixed"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }

  /** The dimension that a mask takes is not turned with the others. */
  @Test
  void rotaryTurnsTheHeadsAndNotTheMask() {
    SameDiff plain = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    SameDiff masked = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    INDArray still = plain.outputSingle(inputs(plain), "mixed");
    var rotary =
        new SameDiffRetrofit.Builder().attention(a -> a.withRotary(RotaryConfig.of(100))).build();
    rotary.apply(plain);
    rotary.apply(masked);
    INDArray turned = plain.outputSingle(inputs(plain), "mixed");
    assertFalse(still.equalsWithEps(turned, 1e-2));
    double difference = Differences.ofValues(turned, masked.outputSingle(inputs(masked), "mixed"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }

  @Test
  void everyOptionReachesTheOp() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.ANCHOR).withCausal(true).withWindow(3))
        .attention(a -> a.withAlibi(true).withRotary(RotaryConfig.of(100)))
        .attention(a -> a.withPrecision(Precision.BFLOAT16))
        .build()
        .apply(graph);
    AttentionConfig expected =
        AttentionConfig.DEFAULT
            .withMask(AttentionMask.ANCHOR)
            .withWindow(3)
            .withScale(0.5)
            .withAlibi(true)
            .withRotary(RotaryConfig.of(100).withDimensions(Parts.DIM))
            .withPrecision(Precision.BFLOAT16);
    assertEquals(expected, config(graph));
  }

  @Test
  void whatTheGraphSaysStaysWhereNothingIsSwitchedOn() {
    SameDiff graph = AttentionGraphs.CAUSAL_CONSTANT.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .attention(a -> a.withPrecision(Precision.BFLOAT16))
        .build()
        .apply(graph);
    AttentionConfig expected =
        AttentionConfig.DEFAULT.withScale(0.5).withPrecision(Precision.BFLOAT16);
    assertEquals(expected, config(graph));
  }

  @Test
  void aGraphWithDocumentsTrains() {
    SameDiff graph = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.ANCHOR).withCausal(true))
        .build()
        .apply(graph);
    graph.setTrainingConfig(AttentionGraphs.training(graph, new Adam(0.03)));
    assertEquals(
        List.of("documents", "input", "mask"),
        graph.getTrainingConfig().getDataSetFeatureMapping());
    Map<String, INDArray> inputs = inputs(graph);
    double before = graph.outputSingle(inputs, "loss").getDouble(0);
    for (int step = 0; step < 20; step++) {
      graph.fit(
          new MultiDataSet(
              new INDArray[] {inputs.get("documents"), inputs.get("input"), inputs.get("mask")},
              new INDArray[] {inputs.get("labels")}));
    }
    double after = graph.outputSingle(inputs, "loss").getDouble(0);
    assertTrue(after < 0.8 * before, before + " -> " + after);
  }

  private static SameDiff crossAttention() {
    SameDiff graph = SameDiff.create();
    SDVariable query = graph.placeHolder("query", DataType.FLOAT, -1, 4, 3);
    SDVariable memory = graph.placeHolder("memory", DataType.FLOAT, -1, 4, 5);
    graph.nn.dotProductAttention("seen", query, memory, memory, null, true);
    return graph;
  }

  @Test
  void queriesOverOtherTokensAreReplacedButTakeNoDocuments() {
    SameDiff graph = crossAttention();
    var documents =
        new SameDiffRetrofit.Builder()
            .documents("documents")
            .attention(a -> a.withMask(AttentionMask.ANCHOR))
            .build();
    var error = assertThrows(IllegalArgumentException.class, () -> documents.apply(graph));
    assertEquals(
        "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit 'seen': its"
            + " queries are not its keys' tokens (3 and 5). Leave it out with only(...).",
        error.getMessage());
    assertFalse(graph.hasVariable("documents"));
    assertEquals(1, new SameDiffRetrofit.Builder().build().apply(graph).replaced().size());
  }

  @Test
  void onlyWhatIsChosenIsReplaced() {
    SameDiff graph = crossAttention();
    var report =
        new SameDiffRetrofit.Builder().only(name -> !name.equals("seen")).build().apply(graph);
    assertEquals("not chosen", report.left().get(0).reason());
    assertEquals(0, SameDiffRetrofitTest.anchors(graph));
    assertEquals(1, new SameDiffRetrofit.Builder().build().inspect(graph).replaced().size());
    assertEquals(0, SameDiffRetrofitTest.anchors(graph));
  }

  @Test
  void documentsAndAMaskThatReadsThemComeTogether() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    var unread = new SameDiffRetrofit.Builder().documents("documents").build();
    var error = assertThrows(IllegalArgumentException.class, () -> unread.apply(graph));
    assertEquals(
        "SameDiffRetrofit: under the mask full documents hide nothing. Choose another with"
            + " attention(a -> a.withMask(...)).",
        error.getMessage());
    var missing =
        new SameDiffRetrofit.Builder().attention(a -> a.withMask(AttentionMask.ANCHOR)).build();
    error = assertThrows(IllegalArgumentException.class, () -> missing.apply(graph));
    assertEquals(
        "SameDiffRetrofit: the mask anchor hides by document ids, and there are none. Name their"
            + " placeholder with documents(...).",
        error.getMessage());
    assertEquals(0, SameDiffRetrofitTest.anchors(graph));
  }

  /** 0 is 1/sqrt of the graph's head, though a mask gives the op's head one dimension more. */
  @Test
  void theScaleOfZeroIsThatOfTheGraphsHead() {
    SameDiff graph = AttentionGraphs.MASK_SUBTRACTED_BEFORE_THE_SCALE.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder().attention(a -> a.withScale(0)).build().apply(graph);
    assertEquals(AttentionConfig.DEFAULT.withCausal(false).withScale(0.5), config(graph));
  }

  @Test
  void documentsThatAreNoIntegersAreRefused() {
    SameDiff graph = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    var wrong =
        new SameDiffRetrofit.Builder()
            .documents("mask")
            .attention(a -> a.withMask(AttentionMask.ANCHOR))
            .build();
    var error = assertThrows(IllegalArgumentException.class, () -> wrong.apply(graph));
    assertEquals(
        "SameDiffRetrofit: 'mask' must be a placeholder INT [B, T], got PLACEHOLDER FLOAT.",
        error.getMessage());
    assertEquals(0, SameDiffRetrofitTest.anchors(graph));
  }

  @Test
  void anEagerGraphIsRefused() {
    SameDiff graph = SameDiff.create().enableEagerMode();
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> new SameDiffRetrofit.Builder().build().apply(graph));
    assertEquals(
        "SameDiffRetrofit: the graph is in eager mode; call disableEagerMode() first.",
        error.getMessage());
  }
}
