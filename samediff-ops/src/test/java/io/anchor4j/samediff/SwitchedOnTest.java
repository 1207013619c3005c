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
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What is switched on in the call, documents aside: causal, window, rotary, precision. */
class SwitchedOnTest {
  static final int[][] DOCUMENTS = {{1, 1, 1, 2, 2, 2}, {1, 1, 2, 2, 2, 2}, {1, 1, 1, 1, 1, 2}};

  static Map<String, INDArray> inputs(SameDiff graph) {
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

  /** Open lengths, which are drawn alike: sizes do not tell that these are other tokens. */
  @Test
  void queriesOverOtherTokensOfAnyNumberTakeNoOrder() {
    SameDiff graph = SameDiff.create();
    SDVariable query = graph.placeHolder("query", DataType.FLOAT, -1, 4, -1);
    SDVariable memory = graph.placeHolder("memory", DataType.FLOAT, -1, 4, -1);
    graph.nn.dotProductAttention("seen", query, memory, memory, null, true);
    var causal = new SameDiffRetrofit.Builder().attention(a -> a.withCausal(true)).build();
    var error = assertThrows(IllegalArgumentException.class, () -> causal.apply(graph));
    assertEquals(
        "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit 'seen': its"
            + " queries come from [query], its keys from [memory]. Leave it out with only(...).",
        error.getMessage());
    assertEquals(1, new SameDiffRetrofit.Builder().build().apply(graph).replaced().size());
  }

  /** A number for all tokens is no token. */
  @Test
  void queriesTimesATemperatureAreStillTheKeysTokens() {
    SameDiff graph = SameDiff.create();
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, -1, 4, -1);
    SDVariable temperature = graph.placeHolder("temperature", DataType.FLOAT, 1);
    graph.nn.dotProductAttention("seen", input.mul(temperature), input, input, null, true);
    var causal = new SameDiffRetrofit.Builder().attention(a -> a.withCausal(true)).build();
    assertEquals(1, causal.apply(graph).replaced().size());
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
