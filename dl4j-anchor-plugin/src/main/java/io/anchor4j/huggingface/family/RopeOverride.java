package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A rotary embedding with another base or scaling, as a run file's {@code rope} gives them. */
public final class RopeOverride {
  private static final Logger LOG = LoggerFactory.getLogger(RopeOverride.class);

  private static final String SOURCE = "rope.scaling";

  private RopeOverride() {}

  /**
   * Returns the parameters to go by.
   *
   * @param theta the base, or nothing to keep it
   * @param scaling keys as in config.json, the kind under {@code type} or {@code rope_type}; empty
   *     to keep the scaling
   * @throws IllegalArgumentException if it names no kind, has a base of its own or a key that its
   *     kind does not read, or leaves open how far or from which length it stretches
   */
  public static RopeParameters of(
      RopeParameters stored, OptionalDouble theta, Map<String, ?> scaling) {
    ObjectNode json = stored.json();
    if (theta.isPresent()) {
      json.put("rope_theta", theta.getAsDouble());
    }
    var based = new JsonFields(stored.fields().source(), json);
    RopeParameters rope = RopeParameters.complete(based, stored.maxPositions());
    return scaling.isEmpty() ? rope : replaced(rope, scaling);
  }

  private static RopeParameters replaced(RopeParameters stored, Map<String, ?> scaling) {
    ObjectNode json = JsonFields.MAPPER.valueToTree(scaling);
    var given = new JsonFields(SOURCE, json);
    if (given.has("rope_theta")) {
      throw new IllegalArgumentException(
          SOURCE + ": rope_theta is not part of the scaling; it is set as rope.theta");
    }
    if (!given.has("rope_type") && !given.has("type")) {
      throw new IllegalArgumentException(SOURCE + ": type is missing, such as yarn");
    }
    String type = RopeParameters.type(given);
    checkKeys(given, type);
    json.set("rope_theta", stored.json().get("rope_theta"));
    if (type.equals("longrope") && !given.has("factor") && !given.has("attention_factor")) {
      // The ratio of the lengths, which transformers takes, is not yet the one trained for.
      throw new IllegalArgumentException(
          SOURCE + ": longrope: factor is missing: new length over original length");
    }
    boolean dynamic = type.equals("dynamic");
    boolean fromLength = dynamic || RopeParameters.STRETCHED_FROM_A_LENGTH.contains(type);
    if (fromLength && !given.has(RopeParameters.ORIGINAL)) {
      json.put(RopeParameters.ORIGINAL, lengthBeforeScaling(stored, type));
    }
    int maxPositions = stored.maxPositions();
    if (dynamic) {
      // transformers has it start at max_position_embeddings, which may be a stretched length.
      maxPositions = given.requireInt(RopeParameters.ORIGINAL, 1);
      json.remove(RopeParameters.ORIGINAL);
    }
    RopeParameters rope = RopeParameters.complete(given, maxPositions);
    if (!storedType(stored).equals("default")) {
      LOG.warn(
          "{}: {} is replaced by {}", stored.fields().source(), shown(stored.json()), shown(json));
    }
    return rope;
  }

  /** In config.json transformers warns of such keys; here they would be a wish passed over. */
  private static void checkKeys(JsonFields given, String type) {
    Set<String> read = RopeScalings.KEYS.get(type);
    if (read == null) {
      return; // refused by its name when it is read
    }
    for (String key : (Iterable<String>) given.json()::fieldNames) {
      boolean known = key.equals("type") || key.equals("rope_type") || read.contains(key);
      if (!known) {
        throw new IllegalArgumentException(
            "%s: %s has no %s; it has %s"
                .formatted(SOURCE, type, SafetensorsException.printable(key), new TreeSet<>(read)));
      }
    }
  }

  private static int lengthBeforeScaling(RopeParameters stored, String type) {
    String storedType = storedType(stored);
    if (storedType.equals("default") || storedType.equals("dynamic")) {
      return stored.maxPositions();
    }
    if (!stored.fields().has(RopeParameters.ORIGINAL)) {
      throw new IllegalArgumentException(
          "%s: %s: %s is missing: the model has %s scaling already, and its length before that is not in its config.json"
              .formatted(SOURCE, type, RopeParameters.ORIGINAL, storedType));
    }
    return stored.fields().requireInt(RopeParameters.ORIGINAL, 1);
  }

  private static String storedType(RopeParameters stored) {
    return RopeParameters.type(stored.fields());
  }

  private static String shown(ObjectNode json) {
    ObjectNode withoutLists = json.deepCopy().without(List.of("short_factor", "long_factor"));
    return SafetensorsException.printable(withoutLists.toString());
  }
}
