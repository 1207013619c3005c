package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Logits step by step are those of the whole row. */
class DecodingSessionTest {
  private static final int VOCABULARY = 11;
  private static final int TOKENS = 29;

  /** Row 0 begins with padding; row 1 has anchors apart and documents that interleave. */
  private static final int[][] DOCUMENTS = {
    {-1, -1, -1, 0, 1, 1, 1, 1, 2, 2, 2, 1, 1, 2, 7, 7, 7, 2, 7, 7, 1, 1, 7, 7, 7, 7, 7, 2, 1},
    {0, 0, 4, 4, 4, 4, 0, 3, 3, 3, 3, 3, 4, 3, 3, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3},
  };

  private static final AttentionConfig WINDOWED =
      AttentionConfig.DEFAULT
          .withMask(AttentionMask.ANCHOR)
          .withRotary(RotaryConfig.of(100))
          .withWindow(6);

  private static final int[][] POSITIONS = new int[2][TOKENS];
  private static final int[][] IDS = new int[2][TOKENS];

  static {
    var random = new Random(3);
    for (int[] row : IDS) {
      Arrays.setAll(row, t -> random.nextInt(VOCABULARY));
    }
    // Neither continuous nor by document: they are the caller's.
    Arrays.setAll(POSITIONS[0], t -> Math.max(0, t - 3));
    Arrays.setAll(POSITIONS[1], t -> t % 13 + 2);
  }

  private static DecoderConfig config(AttentionConfig attention) {
    return new DecoderConfig(
        VOCABULARY, 12, 10, 2, 4, 2, 4, 1e-5, 16, true, 0.6, TinyDecoders.biases(true), attention);
  }

  static Stream<AttentionConfig> attentions() {
    List<AttentionConfig> all = new ArrayList<>();
    RotaryConfig rotary = RotaryConfig.of(100);
    for (AttentionMask mask : AttentionMask.values()) {
      AttentionConfig masked = AttentionConfig.DEFAULT.withMask(mask);
      all.add(masked.withRotary(rotary));
      all.add(masked.withRotary(rotary).withWindow(4));
      all.add(masked.withAlibi(true).withWindow(7));
      all.add(masked.withRotary(rotary.withPairing(RotaryConfig.Pairing.INTERLEAVED)));
    }
    for (RotaryScaling scaling :
        List.of(
            new RotaryScaling.Linear(2),
            RotaryScaling.Yarn.of(4, 8),
            new RotaryScaling.Llama3(4, 1, 4, 8))) {
      all.add(AttentionConfig.DEFAULT.withRotary(rotary.withScaling(scaling)));
    }
    return all.stream();
  }

  private static INDArray wholeRow(ComputationGraph graph) {
    return Decoder.logits(
        graph,
        Nd4j.createFromArray(IDS),
        Nd4j.createFromArray(DOCUMENTS),
        Nd4j.createFromArray(POSITIONS));
  }

  private static int[][] part(int[][] rows, int from, int to) {
    return Arrays.stream(rows).map(row -> Arrays.copyOfRange(row, from, to)).toArray(int[][]::new);
  }

  private static INDArray step(DecodingSession session, int from, int to) {
    return session.step(part(IDS, from, to), part(DOCUMENTS, from, to), part(POSITIONS, from, to));
  }

  private static void assertLogits(INDArray whole, int token, INDArray logits, double error) {
    for (int b = 0; b < IDS.length; b++) {
      for (int v = 0; DOCUMENTS[b][token] >= 0 && v < VOCABULARY; v++) {
        double expected = whole.getDouble(b, token, v);
        assertEquals(expected, logits.getDouble(b, v), error, "row " + b + ", token " + token);
      }
    }
  }

  /** Steps through the rows in pieces and compares after each. */
  private static void assertEqualToWholeRow(ComputationGraph graph, double error) {
    INDArray whole = wholeRow(graph);
    for (int[] pieces : new int[][] {{TOKENS}, {1}, {9, 1}, {5, 3, 1, 6}}) {
      try (var session = new DecodingSession(graph)) {
        int to;
        for (int from = 0, i = 0; from < TOKENS; from = to, i++) {
          to = Math.min(TOKENS, from + pieces[Math.min(i, pieces.length - 1)]);
          assertLogits(whole, to - 1, step(session, from, to), error);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("attentions")
  void stepsGiveTheLogitsOfTheWholeRow(AttentionConfig attention) {
    assertEqualToWholeRow(
        TinyDecoders.graph(config(attention), DataType.DOUBLE, new Sgd(1)), 1e-12);
  }

  @ParameterizedTest
  @EnumSource(WorkspaceMode.class)
  void inFloat32(WorkspaceMode workspaces) {
    assertEqualToWholeRow(
        TinyDecoders.graph(config(WINDOWED), DataType.FLOAT, new Sgd(1), workspaces), 1e-5);
  }

  /** A sum that is formed in another order may round to a neighbour, which the layers amplify. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BFLOAT16", "BFLOAT16_COMPENSATED"})
  void stepsInBfloat16AreAsExactAsTheWholeRow(Precision precision) {
    ComputationGraph exact = TinyDecoders.graph(config(WINDOWED), DataType.DOUBLE, new Sgd(1));
    ComputationGraph rounded =
        TinyDecoders.graph(config(WINDOWED.withPrecision(precision)), DataType.FLOAT, new Sgd(1));
    rounded.setParams(exact.params().castTo(DataType.FLOAT));
    INDArray expected = wholeRow(exact);
    INDArray whole = wholeRow(rounded);
    double ofSteps = 0;
    double ofWhole = 0;
    try (var session = new DecodingSession(rounded)) {
      for (int t = 0; t < TOKENS; t++) {
        INDArray logits = step(session, t, t + 1);
        for (int v = 0; v < VOCABULARY; v++) {
          ofSteps += Math.pow(logits.getDouble(1, v) - expected.getDouble(1, t, v), 2);
          ofWhole += Math.pow(whole.getDouble(1, t, v) - expected.getDouble(1, t, v), 2);
        }
      }
    }
    assertTrue(ofSteps > 0 && ofSteps < 4 * ofWhole, ofSteps + " and " + ofWhole);
  }

  /**
   * Positions far out are where bfloat16 loses them: rotated keys that rest in the cache must keep
   * what BFLOAT16_COMPENSATED promises of their scores.
   */
  @Test
  void compensatedKeysStayExactFarOut() {
    AttentionConfig attention = AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(500_000));
    ComputationGraph exact = TinyDecoders.graph(config(attention), DataType.DOUBLE, new Sgd(1));
    ComputationGraph compensated =
        TinyDecoders.graph(
            config(attention.withPrecision(Precision.BFLOAT16_COMPENSATED)),
            DataType.FLOAT,
            new Sgd(1));
    compensated.setParams(exact.params().castTo(DataType.FLOAT));
    double near = shiftedError(exact, compensated, 0);
    assertEquals(near, shiftedError(exact, compensated, 126_976), 0.1 * near + 1e-4);
  }

  private static double shiftedError(ComputationGraph exact, ComputationGraph other, int shift) {
    int[][] positions = part(POSITIONS, 0, TOKENS);
    for (int[] row : positions) {
      Arrays.setAll(row, t -> t + shift);
    }
    INDArray[] logits = new INDArray[2];
    for (int i = 0; i < 2; i++) {
      try (var session = new DecodingSession(i == 0 ? exact : other)) {
        for (int t = 0; t < TOKENS; t++) {
          logits[i] =
              session.step(
                  part(IDS, t, t + 1), part(DOCUMENTS, t, t + 1), part(positions, t, t + 1));
        }
      }
    }
    return logits[0].sub(logits[1].castTo(DataType.DOUBLE)).norm2Number().doubleValue();
  }

  @Test
  void underAWindowTokensThatNoneSeesAreDropped() {
    AttentionConfig attention = AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(100));
    for (AttentionMask mask : AttentionMask.values()) {
      ComputationGraph graph =
          TinyDecoders.graph(
              config(attention.withMask(mask).withWindow(4)), DataType.DOUBLE, new Sgd(1));
      int most = 0;
      try (var session = new DecodingSession(graph)) {
        for (int t = 0; t < TOKENS; t++) {
          step(session, t, t + 1);
          most = Math.max(most, session.cachedTokens());
        }
      }
      // Columns 0, 1, 3 and 6 hold anchors.
      assertEquals(mask == AttentionMask.FULL ? 5 : 13, most, mask.toString());
    }
  }

  @Test
  void outputIgnoresTheCacheAndSessionsKeepApart() {
    ComputationGraph graph =
        TinyDecoders.graph(
            config(AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(100))),
            DataType.DOUBLE,
            new Sgd(1));
    INDArray whole = wholeRow(graph);
    try (var one = new DecodingSession(graph);
        var other = new DecodingSession(graph)) {
      step(one, 0, 9);
      step(other, 0, 4);
      assertEquals(whole, wholeRow(graph));
      assertLogits(whole, 10, step(one, 9, 11), 1e-12);
      assertLogits(whole, 5, step(other, 4, 6), 1e-12);
    }
  }

  @Test
  void aFrozenGraphStepsToo() {
    ComputationGraph graph =
        Decoder.create(config(AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(100))), 1);
    assertEqualToWholeRow(
        new TransferLearning.GraphBuilder(graph).setFeatureExtractor("norm").build(), 1e-5);
  }

  @Test
  void mistakesAreNamed() {
    ComputationGraph graph = Decoder.create(config(AttentionConfig.DEFAULT), 1);
    var session = new DecodingSession(graph);
    int[][] one = {{1}, {1}};
    assertMessage(
        "DecodingSession: documents must be [batch][steps], as many in every row and as tokens, one"
            + " at least",
        assertThrows(
            IllegalArgumentException.class,
            () -> session.step(one, new int[][] {{1}, {1, 1}}, one)));
    step(session, 0, 3);
    assertMessage(
        "DecodingSession: the steps before had 2 rows, this one has 1",
        assertThrows(
            IllegalArgumentException.class,
            () -> session.step(new int[][] {{1}}, new int[][] {{1}}, new int[][] {{1}})));
    assertThrows(
        IllegalArgumentException.class,
        () -> session.step(new int[][] {{VOCABULARY}, {1}}, one, one));
    assertMessage(
        "AnchorAttentionVertexImpl \"layer-0-attention\" (index 8): a step before ended in an error"
            + " and left 3 tokens of 4. Begin anew.",
        assertThrows(IllegalStateException.class, () -> session.step(one, one, one)));
    session.close();
    assertMessage(
        "DecodingSession: is closed",
        assertThrows(IllegalStateException.class, () -> session.step(one, one, one)));
  }

  private static void assertMessage(String expected, Exception thrown) {
    assertTrue(thrown.getMessage().equals(expected), thrown.getMessage());
  }
}
