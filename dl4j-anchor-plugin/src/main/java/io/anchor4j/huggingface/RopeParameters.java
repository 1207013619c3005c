package io.anchor4j.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The rotary embedding as config.json describes it, in either layout: {@code rope_parameters} with
 * everything in it (transformers 5), or {@code rope_theta} beside {@code rope_scaling}, the kind
 * under {@code rope_type} or {@code type} (4.x). What is missing is what transformers takes it for.
 */
final class RopeParameters {
  private static final double DEFAULT_THETA = 10_000;
  private static final String SUPPORTED = "default, linear, dynamic, yarn, llama3";

  private final JsonFields fields;
  private final int maxPositions;

  private RopeParameters(JsonFields fields, int maxPositions) {
    this.fields = fields;
    this.maxPositions = maxPositions;
  }

  /** Collects both layouts of {@code config} into one object in the newer layout. */
  static RopeParameters of(JsonFields config, int maxPositions) {
    JsonFields scaling = config.objectOrNull("rope_scaling");
    JsonFields parameters = scaling != null ? scaling : config.objectOrNull("rope_parameters");
    ObjectNode json =
        parameters == null ? JsonFields.MAPPER.createObjectNode() : parameters.json().deepCopy();
    String source = parameters == null ? config.source() : parameters.source();
    for (String key : new String[] {"rope_theta", "partial_rotary_factor"}) {
      if (!json.hasNonNull(key) && config.has(key)) {
        json.set(key, config.json().get(key));
      }
    }
    var fields = new JsonFields(source, json);
    String type = fields.textOr("rope_type", fields.textOr("type", "default"));
    json.remove("type");
    json.put("rope_type", type);
    if (!json.hasNonNull("rope_theta")) {
      json.put("rope_theta", DEFAULT_THETA);
    }
    boolean original = type.equals("yarn") || type.equals("llama3");
    if (original && config.has("original_max_position_embeddings")) {
      // As in transformers, the one beside comes before the one within.
      json.set(
          "original_max_position_embeddings",
          config.json().get("original_max_position_embeddings"));
    } else if (original && !json.hasNonNull("original_max_position_embeddings")) {
      json.put("original_max_position_embeddings", maxPositions);
    }
    return new RopeParameters(fields, maxPositions);
  }

  /**
   * Returns these parameters with another base and scaling, as a run file's {@code rope} gives
   * them.
   *
   * @param theta the base, or nothing to keep it
   * @param scaling keys as in config.json, the kind under {@code type} or {@code rope_type}; empty
   *     to keep the scaling
   */
  ObjectNode overridden(OptionalDouble theta, Map<String, ?> scaling) {
    ObjectNode json = fields.json().deepCopy();
    if (!scaling.isEmpty()) {
      var kept = json.get("rope_theta");
      json = JsonFields.MAPPER.valueToTree(scaling);
      json.set("rope_theta", kept);
    }
    if (theta.isPresent()) {
      json.put("rope_theta", theta.getAsDouble());
    }
    return json;
  }

  /** Returns the newer layout, complete. */
  ObjectNode json() {
    return fields.json().deepCopy();
  }

  /**
   * Returns what the kernels need.
   *
   * @throws IllegalArgumentException if the kind is not supported or a value is wrong
   */
  RotaryConfig rotary() {
    OptionalDouble partial = fields.optionalDouble("partial_rotary_factor");
    if (partial.orElse(1) != 1) {
      throw fields.wrong("partial_rotary_factor", "1: a Llama rotates whole heads");
    }
    double theta = fields.requireDouble("rope_theta");
    try {
      return RotaryConfig.of(theta).withScaling(scaling());
    } catch (IllegalArgumentException e) {
      throw e.getMessage().startsWith(fields.source())
          ? e
          : new IllegalArgumentException(fields.source() + ": " + e.getMessage(), e);
    }
  }

  private RotaryScaling scaling() {
    return switch (fields.textOr("rope_type", "default")) {
      case "default" -> RotaryScaling.NONE;
      case "linear" -> new RotaryScaling.Linear(fields.requireDouble("factor"));
      case "dynamic" -> new RotaryScaling.DynamicNtk(fields.requireDouble("factor"), maxPositions);
      case "yarn" -> yarn();
      case "llama3" ->
          new RotaryScaling.Llama3(
              fields.requireDouble("factor"),
              fields.requireDouble("low_freq_factor"),
              fields.requireDouble("high_freq_factor"),
              fields.requireInt("original_max_position_embeddings", 1));
      default -> throw fields.wrong("rope_type", "one of " + SUPPORTED);
    };
  }

  private RotaryScaling yarn() {
    int original = fields.requireInt("original_max_position_embeddings", 1);
    // Only an explicit null, as in DeepSeek-V3, stands for the ratio of the two lengths.
    boolean impliedFactor = fields.json().has("factor") && !fields.has("factor");
    double factor =
        impliedFactor ? (double) maxPositions / original : fields.requireDouble("factor");
    return new RotaryScaling.Yarn(
        factor,
        original,
        orIfZero(fields.optionalDouble("beta_fast"), 32),
        orIfZero(fields.optionalDouble("beta_slow"), 1),
        fields.optionalDouble("attention_factor").orElse(yarnAttentionFactor(factor)),
        fields.booleanOr("truncate", true));
  }

  /** transformers' {@code get_mscale}: a pair of mscales is used only if both are there, not 0. */
  private double yarnAttentionFactor(double factor) {
    double scale = fields.optionalDouble("mscale").orElse(0);
    double scaleAllDimensions = fields.optionalDouble("mscale_all_dim").orElse(0);
    if (scale == 0 || scaleAllDimensions == 0) {
      return magnitude(factor, 1);
    }
    return magnitude(factor, scale) / magnitude(factor, scaleAllDimensions);
  }

  private static double magnitude(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  /** Python's {@code value or otherwise}. */
  private static double orIfZero(OptionalDouble value, double otherwise) {
    return value.orElse(0) == 0 ? otherwise : value.getAsDouble();
  }
}
