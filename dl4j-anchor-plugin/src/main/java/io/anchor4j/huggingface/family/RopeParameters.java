package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import io.anchor4j.rotary.RotaryConfig;
import java.util.OptionalDouble;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rotary embedding as config.json describes it, in either layout: {@code rope_parameters} with
 * everything in it (transformers 5), or {@code rope_theta} beside {@code rope_scaling}, the kind
 * under {@code rope_type} or {@code type} (4.x). What is missing is what transformers takes it for.
 */
public final class RopeParameters {
  private static final Logger LOG = LoggerFactory.getLogger(RopeParameters.class);

  static final String ORIGINAL = "original_max_position_embeddings";

  /**
   * Where transformers falls back on {@code max_position_embeddings}, which an export may raise.
   */
  static final Set<String> STRETCHED_FROM_A_LENGTH = Set.of("yarn", "llama3", "longrope");

  private static final Set<String> KEYS =
      Set.of(
          "rope_type",
          "rope_theta",
          "partial_rotary_factor",
          "factor",
          "low_freq_factor",
          "high_freq_factor",
          ORIGINAL,
          "attention_factor",
          "beta_fast",
          "beta_slow",
          "mscale",
          "mscale_all_dim",
          "truncate",
          "short_factor",
          "long_factor");

  private final JsonFields fields;
  private final int maxPositions;

  private RopeParameters(JsonFields fields, int maxPositions) {
    this.fields = fields;
    this.maxPositions = maxPositions;
  }

  /** Collects both layouts of {@code config} into one object in the newer layout. */
  static RopeParameters of(JsonFields config, int maxPositions, double defaultTheta) {
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
    if (!json.hasNonNull("rope_theta")) {
      json.put("rope_theta", defaultTheta);
    }
    var fields = new JsonFields(source, json);
    if (STRETCHED_FROM_A_LENGTH.contains(type(fields)) && config.has(ORIGINAL)) {
      // As in transformers, the one beside comes before the one within.
      json.set(ORIGINAL, config.json().get(ORIGINAL));
    }
    return complete(fields, maxPositions);
  }

  /** Takes an object that has all but what follows from lengths. */
  static RopeParameters complete(JsonFields fields, int maxPositions) {
    ObjectNode json = fields.json();
    String type = type(fields);
    json.remove("type");
    json.put("rope_type", type);
    if (STRETCHED_FROM_A_LENGTH.contains(type) && !json.hasNonNull(ORIGINAL)) {
      json.put(ORIGINAL, maxPositions);
    }
    var rope = new RopeParameters(fields, maxPositions);
    rope.checkKeys();
    rope.settleFactor(type);
    return rope;
  }

  /** The kind under either of its names. */
  static String type(JsonFields fields) {
    return fields.textOr("rope_type", fields.textOr("type", "default"));
  }

  private void checkKeys() {
    for (String key : (Iterable<String>) fields.json()::fieldNames) {
      if (fields.has(key) && !KEYS.contains(key)) {
        throw new IllegalArgumentException(
            "%s: %s is not supported, got %s"
                .formatted(
                    fields.source(),
                    SafetensorsException.printable(key),
                    JsonFields.shown(fields.json().get(key))));
      }
    }
  }

  /**
   * Writes down a factor that is the ratio of two lengths, lest an export that raises one of them
   * changes it. YaRN takes only an explicit null for the ratio, as DeepSeek-V3 has it.
   */
  private void settleFactor(String type) {
    boolean implied =
        !fields.has("factor")
            && (type.equals("longrope") || (type.equals("yarn") && fields.json().has("factor")));
    if (implied) {
      fields.json().put("factor", (double) maxPositions / fields.requireInt(ORIGINAL, 1));
    }
  }

  /** Returns the newer layout, complete. */
  public ObjectNode json() {
    return fields.json().deepCopy();
  }

  JsonFields fields() {
    return fields;
  }

  /** Returns {@code max_position_embeddings}, where dynamic scaling begins. */
  public int maxPositions() {
    return maxPositions;
  }

  /** Warns, as transformers does, of a YaRN factor other than the lengths say. */
  void warnOfLengths() {
    if (!type(fields).equals("yarn")) {
      return;
    }
    double factor = fields.requireDouble("factor");
    double implied = (double) maxPositions / fields.requireInt(ORIGINAL, 1);
    if (implied != factor && implied != 1) {
      LOG.warn(
          "{}: factor is {}, but max_position_embeddings / {} is {}; factor counts",
          fields.source(),
          factor,
          ORIGINAL,
          implied);
    }
  }

  /**
   * Returns what the kernels need.
   *
   * @throws IllegalArgumentException if the kind is not supported or a value is wrong
   */
  public RotaryConfig rotary(int headDim) {
    OptionalDouble partial = fields.optionalDouble("partial_rotary_factor");
    if (partial.orElse(1) != 1) {
      throw fields.wrong("partial_rotary_factor", "1: these families rotate whole heads");
    }
    double theta = fields.requireDouble("rope_theta");
    try {
      RotaryConfig rotary =
          RotaryConfig.of(theta).withScaling(RopeScalings.read(fields, maxPositions));
      rotary.rotatedDimensions(headDim);
      return rotary;
    } catch (IllegalArgumentException e) {
      throw e.getMessage().startsWith(fields.source())
          ? e
          : new IllegalArgumentException(fields.source() + ": " + e.getMessage(), e);
    }
  }
}
