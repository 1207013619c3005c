package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Frequencies that go by the length are those of each key's own step, as in transformers. */
class DecodingSessionScalingTest {
  /** What the model was trained on; up to here nothing is stretched. */
  private static final int LENGTH = 8;

  private static final int[] IDS = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7};
  private static final RotaryScaling DYNAMIC = new RotaryScaling.DynamicNtk(4, LENGTH);
  private static final RotaryScaling LONG_ROPE =
      new RotaryScaling.LongRope(List.of(1.0, 1.5), List.of(2.0, 6.0), LENGTH, 1.1);

  static List<RotaryScaling> scalings() {
    return List.of(DYNAMIC, LONG_ROPE);
  }

  private static ComputationGraph graph(RotaryScaling scaling, AttentionMask mask) {
    AttentionConfig attention =
        AttentionConfig.DEFAULT
            .withMask(mask)
            .withRotary(RotaryConfig.of(100).withScaling(scaling));
    return TinyDecoders.graph(
        new DecoderConfig(
            11, 12, 10, 2, 4, 2, 4, 1e-5, 16, true, 0.6, TinyDecoders.biases(true), attention),
        DataType.DOUBLE,
        new Sgd(1));
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  private static int[] ones(int count) {
    return IntStream.generate(() -> 1).limit(count).toArray();
  }

  /** The logits behind the last token of a row that is computed as a whole. */
  private static INDArray whole(ComputationGraph graph, int[] ids, int[] documents, int[] places) {
    INDArray logits =
        Decoder.logits(
            graph,
            Nd4j.createFromArray(new int[][] {ids}),
            Nd4j.createFromArray(new int[][] {documents}),
            Nd4j.createFromArray(new int[][] {places}));
    return logits.tensorAlongDimension(ids.length - 1, 0, 2).dup();
  }

  private static double difference(INDArray one, INDArray other) {
    return one.ravel().sub(other.ravel()).norm2Number().doubleValue();
  }

  /** After each step, how far the logits are from those of the row so far, computed as a whole. */
  private static double[] differences(ComputationGraph graph, int prompt) {
    var differences = new double[IDS.length - prompt + 1];
    try (var session = new DecodingSession(graph)) {
      for (int from = 0, to = prompt; to <= IDS.length; from = to, to++) {
        int[] ids = Arrays.copyOfRange(IDS, from, to);
        INDArray logits =
            session.step(
                new int[][] {ids}, new int[][] {ones(to - from)}, new int[][] {range(from, to)});
        differences[to - prompt] =
            difference(logits, whole(graph, Arrays.copyOf(IDS, to), ones(to), range(0, to)));
      }
    }
    return differences;
  }

  @ParameterizedTest
  @MethodSource("scalings")
  void keysOfShorterRowsStayAsTheyWere(RotaryScaling scaling) {
    double[] differences = differences(graph(scaling, AttentionMask.FULL), 1);
    for (int t = 0; t < IDS.length; t++) {
      if (t < LENGTH) {
        assertEquals(0, differences[t], 1e-12, "token " + t);
      } else {
        assertTrue(differences[t] > 1e-3, "token " + t + ": " + differences[t]);
      }
    }
  }

  /** Dynamic NTK departs with every step; LongRoPE has one list beyond the length. */
  @Test
  void behindALongPromptLongRopeIsExactAndDynamicNtkIsNot() {
    double[] dynamic = differences(graph(DYNAMIC, AttentionMask.FULL), 10);
    double[] longRope = differences(graph(LONG_ROPE, AttentionMask.FULL), 10);
    assertEquals(0, dynamic[0], 1e-12);
    assertEquals(0, longRope[0], 1e-12);
    for (int i = 1; i < dynamic.length; i++) {
      assertTrue(dynamic[i] > 1e-4, i + ": " + dynamic[i]);
      assertEquals(0, longRope[i], 1e-12);
    }
  }

  /** The second document's positions begin anew, and with them the frequencies of its steps. */
  @ParameterizedTest
  @MethodSource("scalings")
  void aDocumentThatBeginsAnewHasTheFrequenciesOfItsOwnLength(RotaryScaling scaling) {
    ComputationGraph graph = graph(scaling, AttentionMask.INTRA_DOCUMENT);
    int first = 10;
    int second = IDS.length - first;
    INDArray logits = null;
    try (var session = new DecodingSession(graph)) {
      session.step(
          new int[][] {Arrays.copyOf(IDS, first)},
          new int[][] {ones(first)},
          new int[][] {range(0, first)});
      for (int t = 0; t < second; t++) {
        logits = session.step(new int[][] {{IDS[first + t]}}, new int[][] {{2}}, new int[][] {{t}});
      }
    }
    int[] alone = Arrays.copyOfRange(IDS, first, IDS.length);
    assertEquals(0, difference(logits, whole(graph, alone, ones(second), range(0, second))), 1e-12);
    int[] documents = IntStream.range(0, IDS.length).map(t -> t < first ? 1 : 2).toArray();
    int[] places = IntStream.range(0, IDS.length).map(t -> t < first ? t : t - first).toArray();
    double fromRow = difference(logits, whole(graph, IDS, documents, places));
    assertTrue(fromRow > 1e-4, "from the whole row: " + fromRow);
  }
}
