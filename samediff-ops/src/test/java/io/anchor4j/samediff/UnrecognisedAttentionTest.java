package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.samediff.AttentionGraphs.Parts;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What only looks like attention, or can't be said by the op: named, and left to the last byte. */
class UnrecognisedAttentionTest {

  private static byte[] bytes(SameDiff graph) {
    ByteBuffer buffer = graph.asFlatBuffers(/* includeUpdaterState= */ true);
    var bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static Arguments variant(String reason, Function<Parts, SDVariable> attention) {
    return Arguments.of(reason, attention);
  }

  static Stream<Arguments> variants() {
    return Stream.of(
        variant(
            "dropout that makes 'dropped' stands between the products and is not understood",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable weights = p.sd.nn.softmax(p.scores(qkv), -1);
              return p.sd.nn.dropout("dropped", weights, 0.9).mmul(qkv[2]);
            }),
        variant(
            "tanh that makes 'capped' stands between the products and is not understood",
            p -> {
              SDVariable[] qkv = p.heads();
              return p.sd.nn.softmax(p.sd.math.tanh("capped", p.scores(qkv)), -1).mmul(qkv[2]);
            }),
        variant(
            "the mask 'everyPair' comes from everyPair and differs by query; withCausal, withWindow"
                + " and documents say such masks",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable mask = p.sd.placeHolder("everyPair", p.type, -1, 1, 6, 6);
              return p.sd.nn.softmax(p.scores(qkv).add(mask), -1).mmul(qkv[2]);
            }),
        variant(
            "'distance' is trained (distance) and differs by query",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable bias = p.var("distance", 1, 2, 6, 6);
              return p.sd.nn.softmax(p.scores(qkv).add(bias), -1).mmul(qkv[2]);
            }),
        variant(
            "the constant mask 'band' is not the causal one (0 up to the query, -10000.0 or less"
                + " beyond)",
            p -> {
              SDVariable[] qkv = p.heads();
              INDArray band = AttentionGraphs.causal(p.type).putScalar(5, 0, -1e9);
              SDVariable mask = p.sd.constant("band", band);
              return p.sd.nn.softmax(p.scores(qkv).add(mask), -1).mmul(qkv[2]);
            }),
        variant(
            "'weights' is read by 2 ops, and the anchor op forms no such array",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable weights = p.sd.nn.softmax("weights", p.scores(qkv), -1);
              SDVariable mixed = weights.mmul(qkv[2]);
              return mixed.add(weights.sum(true, 3));
            }),
        variant(
            "its axis is 1 of 4, not one of the last two",
            p -> {
              SDVariable[] qkv = p.heads();
              return p.sd.nn.softmax(p.scores(qkv), 1).mmul(qkv[2]);
            }),
        variant(
            "the softmax is along queries, the sum of values along keys",
            p -> {
              SDVariable[] qkv = p.heads();
              return p.sd.nn.softmax(p.scores(qkv), 2).mmul(qkv[2]);
            }),
        variant(
            "multiply that makes 'scaled' scales by 'temperature', which is not one constant number",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable temperature = p.var("temperature", 1, 2, 1, 1);
              return p.sd.nn.softmax(p.scores(qkv).mul("scaled", temperature), -1).mmul(qkv[2]);
            }),
        variant(
            "'memory' does not depend on an input: these are no tokens",
            p -> {
              SDVariable[] qkv = p.heads();
              SDVariable memory = p.var("memory", 3, 2, 6, 4);
              SDVariable scores = p.sd.mmul(qkv[0], memory, false, true, false);
              return p.sd.nn.softmax(scores, -1).mmul(qkv[2]);
            }),
        variant(
            "scores are multiplied by -0.5, not above 0",
            p -> {
              SDVariable[] qkv = p.heads();
              return p.sd.nn.softmax(p.scores(qkv).mul(-1), -1).mmul(qkv[2]);
            }));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("variants")
  void isListedAndLeftAsItWas(String reason, Function<Parts, SDVariable> attention) {
    var parts = new Parts(DataType.FLOAT);
    attention.apply(parts).mean("loss");
    SameDiff graph = parts.sd;
    graph.setLossVariables("loss");
    byte[] before = bytes(graph);
    List<String> ops = List.copyOf(graph.getOps().keySet());
    SameDiffRetrofitReport report = new SameDiffRetrofit.Builder().build().apply(graph);
    assertEquals(List.of(), report.replaced());
    assertEquals(1, report.left().size(), report::toString);
    assertEquals(reason, report.left().get(0).reason());
    assertEquals(ops, List.copyOf(graph.getOps().keySet()));
    assertArrayEquals(before, bytes(graph));
  }

  @Test
  void aSoftmaxThatClassifiesIsNotEvenListed() {
    var parts = new Parts(DataType.FLOAT);
    SDVariable rows = parts.project("q").reshape(18, 8);
    parts.sd.nn.softmax("classes", rows.mmul(parts.var("W", 8, 3)), -1);
    SameDiffRetrofitReport report = new SameDiffRetrofit.Builder().build().apply(parts.sd);
    assertEquals("attention: 0 replaced, 0 left as it was\n", report.toString());
  }

  /** One that is understood is replaced beside one that is not, which stays whole. */
  @Test
  void oneOfTwoIsReplaced() {
    var parts = new Parts(DataType.FLOAT);
    SDVariable[] qkv = parts.heads();
    SDVariable first = parts.sd.nn.softmax(parts.scores(qkv), -1).mmul("first", qkv[2]);
    SDVariable scores = parts.sd.mmul(first, first, false, true, false);
    SDVariable odd = parts.sd.nn.softmax("oddWeights", parts.sd.math.tanh("capped", scores), -1);
    odd.mmul("second", first).mean("loss");
    parts.sd.setLossVariables("loss");
    var report = new SameDiffRetrofit.Builder().build().apply(parts.sd);
    assertEquals("first", report.replaced().get(0).output());
    assertEquals("oddWeights", report.left().get(0).variable());
    assertTrue(parts.sd.hasVariable("oddWeights"));
    assertEquals(1, SameDiffRetrofitTest.anchors(parts.sd));
  }

  @Test
  void theReportReadsAsFollows() {
    var parts = new Parts(DataType.FLOAT);
    SDVariable[] qkv = parts.heads();
    SDVariable keys = parts.sd.expandDims(parts.sd.expandDims(parts.mask(), 1), 1);
    SDVariable bias = keys.rsub(1).mul("bias", -1e9);
    SDVariable masked =
        parts
            .sd
            .mmul("scores", qkv[0], qkv[1], false, true, false)
            .div("scaled", 2)
            .add("masked", bias);
    SDVariable first = parts.sd.nn.softmax("weights", masked, -1).mmul("first", qkv[2]);
    SDVariable scores = parts.sd.mmul(first, first, false, true, false);
    SDVariable odd = parts.sd.nn.softmax("oddWeights", parts.sd.math.tanh("capped", scores), -1);
    odd.mmul("second", first).mean("loss");
    parts.sd.setLossVariables("loss");
    String text = new SameDiffRetrofit.Builder().build().apply(parts.sd).toString();
    assertEquals(
        """
        attention: 1 replaced, 1 left as it was
          replaced 'first': matmul, softmax, matmul of rank 4, scale 0.5, mask bias
            no longer there: weights, masked, scaled, scores
          left 'oddWeights' (softmax): tanh that makes 'capped' stands between the products and is not understood
          equal before and after to # (allowed 1.0e-05), gradients to #
            on the probe drawn: input FLOAT [3, 6, 8], mask FLOAT [3, 6]
        """,
        text.replaceAll("to [0-9.]+e[-+][0-9]+", "to #"));
  }

  @Test
  void adifferenceAboveTheToleranceFailsAndLeavesTheGraph() {
    SameDiff graph = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    byte[] before = bytes(graph);
    Map<String, INDArray> probe = AttentionGraphs.inputs(graph, DataType.FLOAT, 1, false);
    var strict = new SameDiffRetrofit.Builder().tolerance(1e-30).probe(probe).build();
    var error = assertThrows(IllegalStateException.class, () -> strict.apply(graph));
    assertTrue(error.getMessage().contains("would differ by"), error.getMessage());
    assertArrayEquals(before, bytes(graph));
    assertEquals(0, SameDiffRetrofitTest.anchors(graph));
    // And it still trains and can still be swapped.
    new SameDiffRetrofit.Builder().probe(probe).build().apply(graph);
    assertEquals(1, SameDiffRetrofitTest.anchors(graph));
  }

  @Test
  void weightsThatAreAskedForStay() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    byte[] before = bytes(graph);
    var report = new SameDiffRetrofit.Builder().keep("weights").build().apply(graph);
    assertEquals("'weights' is asked for as an output or loss", report.left().get(0).reason());
    assertArrayEquals(before, bytes(graph));
  }

  @Test
  void whatIsToBeKeptMustBeThere() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    var retrofit = new SameDiffRetrofit.Builder().keep("wieghts").build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertEquals("SameDiffRetrofit: keep: the graph has no variable 'wieghts'", error.getMessage());
  }

  @Test
  void aProbeThatDoesNotFitSaysSo() {
    SameDiff graph = AttentionGraphs.STOCK_OP.graph(DataType.FLOAT);
    var probe = new LinkedHashMap<String, INDArray>();
    probe.put("input", Nd4j.zeros(DataType.FLOAT, 3, 5, 8));
    probe.put("labels", Nd4j.zeros(DataType.FLOAT, 18, 3));
    var retrofit = new SameDiffRetrofit.Builder().probe(probe).build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertTrue(
        error.getMessage().startsWith("SameDiffRetrofit: the graph does not run on the probe"),
        error.getMessage());
  }
}
