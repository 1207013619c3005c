package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.BoundaryLabels;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.LlamaWeights;
import java.io.IOException;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Imported models against transformers, element by element, in float32. */
class TransformersParityTest {
  /**
   * Promised; seen is below 2e-5, of logits of up to 8. transformers' own float32 is within 2.3e-6
   * of float64 on these models, relative to the largest logit.
   */
  private static final double ABSOLUTE_ERROR = 1e-4;

  /** Of a tensor's largest gradient. */
  private static final double GRADIENT_ERROR = 1e-4;

  static Stream<Fixture> fixtures() {
    return Fixture.all();
  }

  static Stream<Arguments> cases() {
    return Fixture.all()
        .flatMap(
            fixture ->
                Fixture.MASKS.stream()
                    .flatMap(
                        mask ->
                            Fixture.POSITIONS.stream()
                                .map(positions -> Arguments.of(fixture, mask, positions))));
  }

  private static ComputationGraph load(Fixture fixture, String mask) throws IOException {
    DecoderConfig decoder = HuggingFaceConfig.read(fixture.directory()).toDecoderConfig();
    return HuggingFaceModel.load(
        fixture.directory(),
        decoder.withAttention(decoder.attention().withMask(AttentionMask.parse(mask))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logitsAgree(Fixture fixture, String mask, String positions) throws IOException {
    INDArray logits =
        Decoder.logits(
                load(fixture, mask),
                fixture.ints("input_ids"),
                fixture.ints("document_ids"),
                fixture.ints(positions + "/position_ids"))
            .castTo(DataType.FLOAT)
            .dup('c');
    float[] expected = fixture.floats(mask + "/" + positions + "/logits");
    float[] actual = logits.data().asFloat();
    assertEquals(expected.length, actual.length);
    int[] documents = fixture.ints("document_ids").data().asInt();
    int vocabulary = (int) logits.size(2);
    for (int i = 0; i < actual.length; i++) {
      if (documents[i / vocabulary] != PackedRow.PADDING) {
        assertEquals(expected[i], actual[i], ABSOLUTE_ERROR, "token " + i / vocabulary);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void lossesAgree(Fixture fixture, String mask, String positions) throws IOException {
    ComputationGraph graph = load(fixture, mask);
    INDArray tokens = fixture.ints("input_ids");
    INDArray documents = fixture.ints("document_ids");
    INDArray places = fixture.ints(positions + "/position_ids");
    String results = mask + "/" + positions;
    for (String boundary : new String[] {"keep", "ignore"}) {
      INDArray targets = fixture.ints("targets." + boundary);
      float[] losses =
          Decoder.tokenLosses(graph, tokens, documents, places, targets).dup('c').data().asFloat();
      if (boundary.equals("keep")) {
        assertArrayEquals(fixture.floats(results + "/nll"), losses, (float) ABSOLUTE_ERROR);
      }
      double sum = 0;
      for (float loss : losses) {
        sum += loss;
      }
      double mean = sum / PackedRow.countTargets(targets.data().asInt());
      double expected = fixture.floats(results + "/loss." + boundary)[0];
      assertEquals(expected, mean, ABSOLUTE_ERROR * expected);
      graph.setInputs(tokens, documents, places);
      graph.setLabels(targets);
      graph.computeGradientAndScore();
      assertEquals(expected, graph.score(), ABSOLUTE_ERROR * expected);
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void everyGradientAgrees(Fixture fixture) throws IOException {
    ComputationGraph graph = load(fixture, "anchor");
    graph.setInputs(
        fixture.ints("input_ids"),
        fixture.ints("document_ids"),
        fixture.ints("per-document/position_ids"));
    graph.setLabels(fixture.ints("targets.ignore"));
    graph.computeGradientAndScore();
    String results = "anchor/per-document/gradient/";
    var mappings = LlamaWeights.of(HuggingFaceConfig.read(fixture.directory()).toDecoderConfig());
    assertEquals(
        Set.copyOf(fixture.names(results)),
        mappings.stream().map(LlamaWeights.Mapping::tensor).collect(Collectors.toSet()));
    for (var mapping : mappings) {
      INDArray gradient =
          graph.gradient().getGradientFor(mapping.layer() + "_" + mapping.parameter());
      INDArray oriented = mapping.transposed() ? gradient.permute(1, 0) : gradient;
      float[] actual = oriented.dup('c').data().asFloat();
      float[] expected = fixture.floats(results + mapping.tensor());
      float largest = 0;
      for (float value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertTrue(largest > 0, mapping.tensor());
      assertArrayEquals(expected, actual, (float) (GRADIENT_ERROR * largest), mapping.tensor());
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void positionsAndTargetsAreThoseOfTheScript(Fixture fixture) {
    for (String rows : new String[] {"", "training/"}) {
      int[][] tokens = fixture.rows(rows + "input_ids");
      int[][] documents = fixture.rows(rows + "document_ids");
      for (int b = 0; b < tokens.length; b++) {
        PackedRow row = new PackedRow(tokens[b], documents[b]);
        assertArrayEquals(
            fixture.rows(rows + "continuous/position_ids")[b], row.positions(Positions.CONTINUOUS));
        assertArrayEquals(
            fixture.rows(rows + "per-document/position_ids")[b],
            row.positions(Positions.PER_DOCUMENT));
        assertArrayEquals(
            fixture.rows(rows + "targets.ignore")[b], row.targets(BoundaryLabels.IGNORE));
        assertArrayEquals(fixture.rows(rows + "targets.keep")[b], row.targets(BoundaryLabels.KEEP));
      }
    }
  }
}
