package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.collect.ImmutableSortedSet;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.vertex.AnchorAttentionVertex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

class DecoderTest {
  private static final INDArray[] IN = TinyDecoders.inputs();
  private static final BlockOptions BIASES = TinyDecoders.biases(true);

  @ParameterizedTest(name = "tied {0}")
  @ValueSource(booleans = {true, false})
  void parametersHaveTheDocumentedNamesAndShapes(boolean tied) {
    DecoderConfig config =
        new DecoderConfig(
            11, 6, 5, 2, 4, 2, 3, 1e-5, 16, tied, 0.1, BIASES, AttentionConfig.DEFAULT);
    ComputationGraph graph = Decoder.create(config, 1);
    List<String> expected = new ArrayList<>(List.of("embedding_W[11, 6]"));
    for (int i = 0; i < 2; i++) {
      String layer = "layer-" + i;
      expected.addAll(
          List.of(
              layer + "-attention-norm_gain[1, 6]",
              layer + "-query_W[6, 12]",
              layer + "-query_b[1, 12]",
              layer + "-key_W[6, 6]",
              layer + "-key_b[1, 6]",
              layer + "-value_W[6, 6]",
              layer + "-value_b[1, 6]",
              layer + "-projection_W[12, 6]",
              layer + "-projection_b[1, 6]",
              layer + "-mlp-norm_gain[1, 6]",
              layer + "-mlp_Wgate[6, 5]",
              layer + "-mlp_Wup[6, 5]",
              layer + "-mlp_Wdown[5, 6]",
              layer + "-mlp_bgate[1, 5]",
              layer + "-mlp_bup[1, 5]",
              layer + "-mlp_bdown[1, 6]"));
    }
    expected.add("norm_gain[1, 6]");
    if (!tied) {
      expected.add("output_W[6, 11]");
    }
    List<String> actual = new ArrayList<>();
    graph.paramTable().forEach((name, array) -> actual.add(name + Arrays.toString(array.shape())));
    assertEquals(expected.stream().sorted().toList(), actual.stream().sorted().toList());
    assertEquals(config.parameters(), graph.numParams());
  }

  @Test
  void blocksHaveWhatTheirOptionsSayLayerByLayer() {
    DecoderConfig config = TinyDecoders.configOfUnlikeLayers();
    ComputationGraph graph = Decoder.create(config, 1);
    assertEquals(config.parameters(), graph.numParams());
    assertArrayEquals(new long[] {1, 2}, graph.getParam("layer-1-query-norm_gain").shape());
    assertArrayEquals(new long[] {1, 2}, graph.getParam("layer-1-key-norm_gain").shape());
    assertNull(graph.getParam("layer-1-projection_b"));
    assertNull(attention(graph, 0).rotary());
    assertEquals(4, attention(graph, 0).window());
    assertEquals(config.attention().withWindow(0), attention(graph, 1));
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> config.withBlocks(BlockOptions.PLAIN.withUnrotated(ImmutableSortedSet.of(2))));
    assertEquals("decoder: unrotated names layers from 0 to 1, got [2]", e.getMessage());
  }

  private static AttentionConfig attention(ComputationGraph graph, int layer) {
    var vertex = graph.getConfiguration().getVertices().get("layer-" + layer + "-attention");
    return ((AnchorAttentionVertex) vertex).getAttention();
  }

  @Test
  void weightsStartAsTransformersStartsThem() {
    DecoderConfig config =
        new DecoderConfig(
            200, 64, 96, 1, 4, 2, 16, 1e-5, 16, false, 0.02, BIASES, AttentionConfig.DEFAULT);
    for (Map.Entry<String, INDArray> entry : Decoder.create(config, 3).paramTable().entrySet()) {
      INDArray array = entry.getValue();
      if (entry.getKey().contains("_W")) {
        assertEquals(0.02, array.stdNumber().doubleValue(), 0.001, entry.getKey());
        assertEquals(0, array.meanNumber().doubleValue(), 0.002, entry.getKey());
      } else {
        double start = entry.getKey().endsWith("gain") ? 1 : 0;
        assertEquals(start, array.minNumber().doubleValue(), entry.getKey());
        assertEquals(start, array.maxNumber().doubleValue(), entry.getKey());
      }
    }
  }

  @ParameterizedTest(name = "tied {0}")
  @ValueSource(booleans = {true, false})
  void lossesAreMinusTheLogProbabilitiesOfTheLogits(boolean tied) {
    ComputationGraph graph = doubles(TinyDecoders.config(tied));
    INDArray targets = TinyDecoders.targets();
    INDArray losses = Decoder.tokenLosses(graph, IN[0], IN[1], IN[2], targets);
    INDArray logits = Decoder.logits(graph, IN[0], IN[1], IN[2]);
    assertArrayEquals(new long[] {2, 7, TinyDecoders.VOCABULARY}, logits.shape());
    double sum = 0;
    int counting = 0;
    for (int b = 0; b < 2; b++) {
      for (int t = 0; t < 7; t++) {
        int target = targets.getInt(b, t);
        double expected = target == -100 ? 0 : -logProbability(logits, b, t, target);
        assertEquals(expected, losses.getDouble(b, t), 1e-12);
        sum += expected;
        counting += target == -100 ? 0 : 1;
      }
    }
    assertEquals(sum / counting, graph.score(TinyDecoders.batch()), 1e-12);
    INDArray rows = graph.scoreExamples(TinyDecoders.batch(), false);
    assertEquals(losses.getRow(0).sumNumber().doubleValue() / 5, rows.getDouble(0), 1e-12);
    assertEquals(losses.getRow(1).sumNumber().doubleValue() / 4, rows.getDouble(1), 1e-12);
  }

  private static double logProbability(INDArray logits, int b, int t, int target) {
    double sum = 0;
    for (int v = 0; v < logits.size(2); v++) {
      sum += Math.exp(logits.getDouble(b, t, v));
    }
    return logits.getDouble(b, t, target) - Math.log(sum);
  }

  @Test
  void withoutDocumentsAndPositionsARowIsOneDocument() {
    ComputationGraph graph = doubles(TinyDecoders.config(true));
    INDArray one = Nd4j.ones(DataType.INT32, 2, 7);
    INDArray counted =
        Nd4j.createFromArray(new int[][] {{0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5, 6}});
    assertEquals(
        Decoder.logits(graph, IN[0], one, counted), Decoder.logits(graph, IN[0], null, null));
    assertTrue(
        Decoder.logits(graph, IN[0], null, null)
                .sub(Decoder.logits(graph, IN[0], IN[1], IN[2]))
                .amaxNumber()
                .doubleValue()
            > 1e-3);
  }

  /** Tokens of document 1 stand at 1, 2 and 5 of row 0, those of document 2 at 3, 4 and 6. */
  @ParameterizedTest
  @EnumSource(
      value = AttentionMask.class,
      names = {"ANCHOR", "INTRA_DOCUMENT"})
  void otherTokensInOneDocumentLeaveTheOtherBitEqual(AttentionMask mask) {
    ComputationGraph graph =
        TinyDecoders.graph(TinyDecoders.config(false, true, mask), DataType.FLOAT, new Sgd(1));
    INDArray before = Decoder.logits(graph, IN[0], IN[1], IN[2]);
    INDArray changed = IN[0].dup();
    changed.putScalar(0, 1, 4).putScalar(0, 2, 0).putScalar(0, 5, 1);
    INDArray after = Decoder.logits(graph, changed, IN[1], IN[2]);
    for (int t : new int[] {0, 3, 4, 6}) {
      assertArrayEquals(bits(before, 0, t), bits(after, 0, t), "token " + t);
      assertArrayEquals(bits(before, 1, t), bits(after, 1, t), "token " + t);
    }
    assertTrue(!Arrays.equals(bits(before, 0, 5), bits(after, 0, 5)), "the change shows");
  }

  private static int[] bits(INDArray logits, int b, int t) {
    int[] bits = new int[(int) logits.size(2)];
    Arrays.setAll(bits, v -> Float.floatToRawIntBits(logits.getFloat(b, t, v)));
    return bits;
  }

  @Test
  void theMaskOfATrainedGraphCanBeChanged() {
    ComputationGraph graph = doubles(TinyDecoders.config(true, false, AttentionMask.FULL));
    ComputationGraph other = doubles(TinyDecoders.config(true, false, AttentionMask.ANCHOR));
    other.setParams(graph.params());
    var vertex =
        (AnchorAttentionVertex) graph.getConfiguration().getVertices().get("layer-0-attention");
    vertex.setAttention(vertex.getAttention().withMask(AttentionMask.ANCHOR));
    assertEquals(
        Decoder.logits(other, IN[0], IN[1], IN[2]), Decoder.logits(graph, IN[0], IN[1], IN[2]));
  }

  @Test
  void idsOutsideTheVocabularyAreNamed() {
    ComputationGraph graph = doubles(TinyDecoders.config(true));
    INDArray ids = IN[0].dup().putScalar(1, 3, 5);
    assertMessage("token id 5 at row 1, token 3", () -> Decoder.logits(graph, ids, null, null));
    INDArray floating = IN[0].castTo(DataType.FLOAT);
    assertMessage("must be integers", () -> Decoder.logits(graph, floating, null, null));
    INDArray targets = TinyDecoders.targets().dup().putScalar(0, 2, -1);
    assertMessage(
        "label -1 at row 0, token 2", () -> Decoder.tokenLosses(graph, IN[0], null, null, targets));
    INDArray few = Nd4j.zeros(DataType.INT32, 2, 6);
    assertMessage(
        "labels must be [batch=2, tokens=7]",
        () -> Decoder.tokenLosses(graph, IN[0], null, null, few));
  }

  private static void assertMessage(String part, Runnable call) {
    var thrown = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }

  private static ComputationGraph doubles(DecoderConfig config) {
    return TinyDecoders.graph(config, DataType.DOUBLE, new Sgd(1));
  }
}
