package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import io.anchor4j.rotary.RotaryConfig;
import java.util.List;
import java.util.Map;
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

  private static final String ORIGINAL = "original_max_position_embeddings";

  /**
   * Where transformers falls back on {@code max_position_embeddings}, which an export may raise.
   */
  private static final Set<String> STRETCHED_FROM_A_LENGTH = Set.of("yarn", "llama3", "longrope");

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
    var fields = new JsonFields(source, json);
    String type = fields.textOr("rope_type", fields.textOr("type", "default"));
    json.remove("type");
    json.put("rope_type", type);
    if (!json.hasNonNull("rope_theta")) {
      json.put("rope_theta", defaultTheta);
    }
    boolean original = STRETCHED_FROM_A_LENGTH.contains(type);
    if (original && config.has(ORIGINAL)) {
      // As in transformers, the one beside comes before the one within.
      json.set(ORIGINAL, config.json().get(ORIGINAL));
    } else if (original && !json.hasNonNull(ORIGINAL)) {
      json.put(ORIGINAL, maxPositions);
    }
    var rope = new RopeParameters(fields, maxPositions);
    rope.checkKeys();
    rope.settleFactor(type);
    return rope;
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

  /**
   * Returns these parameters with another base and scaling, as a run file's {@code rope} gives
   * them.
   *
   * @param theta the base, or nothing to keep it
   * @param scaling keys as in config.json, the kind under {@code type} or {@code rope_type}; empty
   *     to keep the scaling
   * @throws IllegalArgumentException if it has a base of its own, or leaves open how far or from
   *     which length it stretches
   */
  public ObjectNode overridden(OptionalDouble theta, Map<String, ?> scaling) {
    ObjectNode json = scaling.isEmpty() ? fields.json().deepCopy() : replaced(scaling);
    if (theta.isPresent()) {
      json.put("rope_theta", theta.getAsDouble());
    }
    return json;
  }

  private ObjectNode replaced(Map<String, ?> scaling) {
    ObjectNode json = JsonFields.MAPPER.valueToTree(scaling);
    if (json.hasNonNull("rope_theta")) {
      throw new IllegalArgumentException(
          "rope scaling: rope_theta is not part of the scaling; it is set as rope.theta");
    }
    json.set("rope_theta", fields.json().get("rope_theta"));
    var given = new JsonFields("rope scaling", json);
    String type = given.textOr("rope_type", given.textOr("type", "default"));
    if (type.equals("longrope") && !given.has("factor") && !given.has("attention_factor")) {
      // The ratio of the lengths, which transformers takes, is not yet the one trained for.
      throw new IllegalArgumentException(
          "rope scaling longrope: factor is missing: new length over original length");
    }
    String stored = fields.json().get("rope_type").textValue();
    if (stored.equals("default")) {
      return json;
    }
    if (STRETCHED_FROM_A_LENGTH.contains(type) && !given.has(ORIGINAL)) {
      // max_position_embeddings may be the length the model was stretched to.
      if (!fields.has(ORIGINAL)) {
        throw new IllegalArgumentException(
            "rope scaling %s: %s is missing: the model has %s scaling already, and its length before that is not in its config.json"
                .formatted(type, ORIGINAL, stored));
      }
      json.set(ORIGINAL, fields.json().get(ORIGINAL));
    }
    LOG.warn("{}: {} is replaced by {}", fields.source(), shown(fields.json()), shown(json));
    return json;
  }

  private static String shown(ObjectNode json) {
    ObjectNode withoutLists = json.deepCopy().without(List.of("short_factor", "long_factor"));
    return SafetensorsException.printable(withoutLists.toString());
  }

  /** Returns the newer layout, complete. */
  public ObjectNode json() {
    return fields.json().deepCopy();
  }

  /**
   * Returns what the kernels need.
   *
   * @throws IllegalArgumentException if the kind is not supported or a value is wrong
   */
  RotaryConfig rotary(int headDim) {
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
