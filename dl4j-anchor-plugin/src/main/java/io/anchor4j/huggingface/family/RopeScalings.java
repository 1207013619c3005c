package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.rotary.RotaryScaling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/** Reads each kind of {@code rope_type}; see transformers' modeling_rope_utils. */
final class RopeScalings {
  private static final String SUPPORTED = "default, linear, dynamic, yarn, llama3, longrope";

  /** What each kind is read from, beside {@code rope_type}. */
  static final Map<String, Set<String>> KEYS =
      Map.of(
          "default",
          Set.of(),
          "linear",
          Set.of("factor"),
          "dynamic",
          Set.of("factor", "original_max_position_embeddings"), // the latter in run files alone
          "yarn",
          Set.of(
              "factor",
              "original_max_position_embeddings",
              "attention_factor",
              "beta_fast",
              "beta_slow",
              "mscale",
              "mscale_all_dim",
              "truncate"),
          "llama3",
          Set.of(
              "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
          "longrope",
          Set.of(
              "factor",
              "short_factor",
              "long_factor",
              "original_max_position_embeddings",
              "attention_factor"));

  private RopeScalings() {}

  /**
   * @param rope {@code rope_parameters}, complete
   * @param maxPositions {@code max_position_embeddings}, where dynamic scaling begins
   */
  static RotaryScaling read(JsonFields rope, int maxPositions) {
    return switch (rope.textOr("rope_type", "default")) {
      case "default" -> RotaryScaling.NONE;
      case "linear" -> new RotaryScaling.Linear(rope.requireDouble("factor"));
      case "dynamic" -> new RotaryScaling.DynamicNtk(rope.requireDouble("factor"), maxPositions);
      case "yarn" -> yarn(rope);
      case "llama3" ->
          new RotaryScaling.Llama3(
              rope.requireDouble("factor"),
              rope.requireDouble("low_freq_factor"),
              rope.requireDouble("high_freq_factor"),
              original(rope));
      case "longrope" -> longRope(rope);
      default -> throw rope.wrong("rope_type", "one of " + SUPPORTED);
    };
  }

  private static int original(JsonFields rope) {
    return rope.requireInt("original_max_position_embeddings", 1);
  }

  private static RotaryScaling yarn(JsonFields rope) {
    double factor = rope.requireDouble("factor");
    return new RotaryScaling.Yarn(
        factor,
        original(rope),
        orIfZero(rope.optionalDouble("beta_fast"), 32),
        orIfZero(rope.optionalDouble("beta_slow"), 1),
        rope.optionalDouble("attention_factor").orElse(yarnAttentionFactor(rope, factor)),
        rope.booleanOr("truncate", true));
  }

  /** transformers' {@code get_mscale}: a pair of mscales is used only if both are there, not 0. */
  private static double yarnAttentionFactor(JsonFields rope, double factor) {
    double scale = rope.optionalDouble("mscale").orElse(0);
    double scaleAllDimensions = rope.optionalDouble("mscale_all_dim").orElse(0);
    if (scale == 0 || scaleAllDimensions == 0) {
      return magnitude(factor, 1);
    }
    return magnitude(factor, scale) / magnitude(factor, scaleAllDimensions);
  }

  private static double magnitude(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  private static RotaryScaling longRope(JsonFields rope) {
    int original = original(rope);
    double factor = rope.requireDouble("factor");
    return new RotaryScaling.LongRope(
        factors(rope, "short_factor"),
        factors(rope, "long_factor"),
        original,
        rope.optionalDouble("attention_factor")
            .orElse(RotaryScaling.LongRope.defaultAttentionFactor(factor, original)));
  }

  private static List<Double> factors(JsonFields rope, String key) {
    JsonNode list = rope.json().path(key);
    if (list.isMissingNode() || list.isNull()) {
      throw new IllegalArgumentException(rope.source() + ": " + key + " is missing");
    }
    var factors = new ArrayList<Double>();
    for (JsonNode value : list) {
      factors.add(value.isNumber() ? value.doubleValue() : Double.NaN);
    }
    if (!list.isArray() || factors.contains(Double.NaN)) {
      throw rope.wrong(key, "a list of numbers");
    }
    return factors;
  }

  /** Python's {@code value or otherwise}. */
  private static double orIfZero(OptionalDouble value, double otherwise) {
    return value.orElse(0) == 0 ? otherwise : value.getAsDouble();
  }
}
