package io.anchor4j.rotary;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The frequencies of every scaling against those of transformers (make_rotary_golden.py). */
class RotaryAnglesGoldenTest {
  /**
   * transformers forms frequencies in float32: the exponent is rounded before the power, which
   * costs up to ln(theta) roundings, 1e-6 at a theta of 1e6.
   */
  private static final double RELATIVE_ERROR = 2e-6;

  static Stream<JsonNode> cases() throws IOException {
    try (var golden = RotaryAnglesGoldenTest.class.getResourceAsStream("/golden/rotary.json")) {
      return StreamSupport.stream(
          new ObjectMapper().readTree(golden).get("cases").spliterator(), /* parallel= */ false);
    }
  }

  private static RotaryScaling scaling(JsonNode golden) {
    JsonNode rope = golden.get("rope");
    double factor = rope.path("factor").asDouble();
    int original = rope.path("original_max_position_embeddings").asInt();
    return switch (rope.get("rope_type").asText()) {
      case "default" -> RotaryScaling.NONE;
      case "linear" -> new RotaryScaling.Linear(factor);
      case "dynamic" -> new RotaryScaling.DynamicNtk(factor, golden.get("maxPositions").asInt());
      case "llama3" ->
          new RotaryScaling.Llama3(
              factor,
              rope.get("low_freq_factor").asDouble(),
              rope.get("high_freq_factor").asDouble(),
              original);
      case "yarn" ->
          new RotaryScaling.Yarn(
              factor,
              original,
              rope.path("beta_fast").asDouble(32),
              rope.path("beta_slow").asDouble(1),
              rope.path("attention_factor")
                  .asDouble(RotaryScaling.Yarn.defaultAttentionFactor(factor)),
              rope.path("truncate").asBoolean(true));
      case "longrope" ->
          new RotaryScaling.LongRope(
              numbers(rope.get("short_factor")),
              numbers(rope.get("long_factor")),
              original,
              rope.path("attention_factor")
                  .asDouble(
                      RotaryScaling.LongRope.defaultAttentionFactor(
                          rope.path("factor")
                              .asDouble(golden.get("maxPositions").asDouble() / original),
                          original)));
      default -> throw new IllegalArgumentException(rope.toString());
    };
  }

  private static List<Double> numbers(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), /* parallel= */ false)
        .map(JsonNode::asDouble)
        .toList();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void frequenciesAndAttentionFactorAreThoseOfTransformers(JsonNode golden) {
    RotaryConfig config =
        RotaryConfig.of(golden.at("/rope/rope_theta").asDouble()).withScaling(scaling(golden));
    double[] actual =
        RotaryAngles.inverseFrequencies(
            config, golden.get("headDim").asInt(), golden.get("largestPosition").asInt());
    JsonNode expected = golden.get("inverseFrequencies");
    assertEquals(expected.size(), actual.length);
    for (int i = 0; i < actual.length; i++) {
      double frequency = expected.get(i).asDouble();
      assertEquals(frequency, actual[i], RELATIVE_ERROR * frequency, "pair " + i);
    }
    assertEquals(
        golden.get("attentionFactor").asDouble(),
        RotaryAngles.attentionFactor(config.scaling()),
        1e-12);
  }
}
