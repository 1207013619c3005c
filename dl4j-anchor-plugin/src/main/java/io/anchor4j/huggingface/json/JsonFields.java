package io.anchor4j.huggingface.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The fields of a JSON object that somebody else wrote, by name and type. A null counts as absent,
 * as in transformers; every complaint names the source and the key.
 *
 * @param source what a message calls the object: a path, or a key in a file
 * @param json the object
 */
public record JsonFields(String source, ObjectNode json) {
  /** Far above any configuration; tokenizer.json with its vocabulary is the largest read. */
  public static final long LONGEST_FILE_BYTES = 256L << 20;

  /** Deeper than any file in use; the tokenizers library ends the process at 128. */
  private static final int DEEPEST = 64;

  /** Reads strictly: a key twice is an error, and so is nesting beyond any use. */
  public static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .build();

  private static final int LONGEST_VALUE_SHOWN = 80;

  /**
   * Reads a file that holds one JSON object.
   *
   * @throws IllegalArgumentException if it is missing, too long, or holds anything else
   * @throws IOException if it cannot be read
   */
  public static JsonFields read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(file + ": there is no such file");
    }
    long bytes = Files.size(file);
    if (bytes > LONGEST_FILE_BYTES) {
      throw new IllegalArgumentException(
          file + ": " + bytes + " bytes are over the limit of " + LONGEST_FILE_BYTES);
    }
    try {
      JsonNode json = MAPPER.readTree(Files.readAllBytes(file));
      if (json instanceof ObjectNode object) {
        return new JsonFields(file.toString(), object);
      }
      throw new IllegalArgumentException(file + ": expected a JSON object, found " + shown(json));
    } catch (JsonProcessingException e) {
      String line = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      throw new IllegalArgumentException(
          file
              + line
              + ": not valid JSON: "
              + SafetensorsException.printable(e.getOriginalMessage()),
          e);
    }
  }

  /** Says whether there is a value, other than null. */
  public boolean has(String key) {
    return json.hasNonNull(key);
  }

  /** Returns an integer, {@code least} or more; anything else, or nothing, is an error. */
  public int requireInt(String key, int least) {
    return optionalInt(key, least)
        .orElseThrow(() -> new IllegalArgumentException(source + ": " + key + " is missing"));
  }

  /** Returns an integer, {@code least} or more, if there is a value. */
  public OptionalInt optionalInt(String key, int least) {
    if (!has(key)) {
      return OptionalInt.empty();
    }
    JsonNode value = json.get(key);
    // 8192.0 stands in some files where 8192 is meant.
    boolean whole = value.isNumber() && value.doubleValue() == Math.rint(value.doubleValue());
    if (!whole || value.doubleValue() < least || value.doubleValue() > Integer.MAX_VALUE) {
      throw wrong(key, "an integer from " + least + " to " + Integer.MAX_VALUE);
    }
    return OptionalInt.of((int) value.doubleValue());
  }

  /** Returns a finite number; anything else, or nothing, is an error. */
  public double requireDouble(String key) {
    return optionalDouble(key)
        .orElseThrow(() -> new IllegalArgumentException(source + ": " + key + " is missing"));
  }

  /** Returns a finite number, if there is a value. */
  public OptionalDouble optionalDouble(String key) {
    if (!has(key)) {
      return OptionalDouble.empty();
    }
    double value = json.get(key).doubleValue();
    if (!json.get(key).isNumber() || Double.isInfinite(value) || Double.isNaN(value)) {
      throw wrong(key, "a number");
    }
    return OptionalDouble.of(value);
  }

  /** Returns a boolean, or {@code otherwise} if there is no value. */
  public boolean booleanOr(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!json.get(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return json.get(key).booleanValue();
  }

  /** Returns a text, or {@code otherwise} if there is no value. */
  public String textOr(String key, String otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!json.get(key).isTextual()) {
      throw wrong(key, "a text");
    }
    return json.get(key).textValue();
  }

  /** Returns the object under {@code key}, or null if it is absent or empty. */
  public JsonFields objectOrNull(String key) {
    if (!has(key)) {
      return null;
    }
    if (json.get(key) instanceof ObjectNode object) {
      return object.isEmpty() ? null : new JsonFields(source + ": " + key, object);
    }
    throw wrong(key, "an object");
  }

  /** Returns the id under {@code key}, or each of a list of ids; -1 stands for none. */
  public Set<Integer> tokenIds(String key) {
    Set<Integer> ids = new LinkedHashSet<>();
    JsonNode value = json.path(key);
    for (JsonNode id : value.isArray() ? value : MAPPER.createArrayNode().add(value)) {
      if (id.isInt() && id.intValue() >= 0) {
        ids.add(id.intValue());
      } else if (!id.isNull() && !id.isMissingNode() && !(id.isInt() && id.intValue() == -1)) {
        throw wrong(key, "a token id or a list of them");
      }
    }
    return ids;
  }

  /** Returns the error that the value of {@code key} is not what is {@code expected}. */
  public IllegalArgumentException wrong(String key, String expected) {
    return new IllegalArgumentException(
        source + ": " + key + " must be " + expected + ", got " + shown(json.get(key)));
  }

  /** Returns {@code value} on one line and not too long: it comes from a file. */
  public static String shown(JsonNode value) {
    String text = SafetensorsException.printable(String.valueOf(value));
    return text.length() <= LONGEST_VALUE_SHOWN
        ? text
        : text.substring(0, LONGEST_VALUE_SHOWN) + "...";
  }
}
