package io.anchor4j.training;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoublePredicate;
import java.util.function.Function;
import java.util.stream.Collectors;

/** One mapping of a run file, read by key; what has the wrong type or range is refused by name. */
final class RunFileSection {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LONGEST_QUOTE = 60;

  private final String source;
  private final String prefix;
  private final ObjectNode node;

  /**
   * Wraps a mapping.
   *
   * @param source the file, for messages
   * @param prefix what stands before the keys of this section, such as {@code "training."}
   */
  RunFileSection(String source, String prefix, ObjectNode node) {
    this.source = source;
    this.prefix = prefix;
    this.node = node;
  }

  /** Returns the section below this one, empty where the key is left out. */
  RunFileSection section(String key) {
    ObjectNode below = object(key);
    return new RunFileSection(
        source, prefix + key + ".", below == null ? node.objectNode() : below);
  }

  boolean has(String key) {
    return !node.path(key).isMissingNode();
  }

  /** Returns a mapping that is not looked into, or null where it is left out. */
  Map<String, Object> map(String key) {
    ObjectNode object = object(key);
    return object == null ? null : JSON.convertValue(object, new TypeReference<>() {});
  }

  private ObjectNode object(String key) {
    if (isAbsent(key)) {
      return null;
    }
    if (!(node.get(key) instanceof ObjectNode object)) {
      throw wrong(key, "a mapping of keys to values");
    }
    return object;
  }

  /** Returns a text, or null where it is left out. */
  String text(String key) {
    if (isAbsent(key)) {
      return null;
    }
    if (!node.get(key).isTextual()) {
      throw wrong(key, "a text (put it in quotes if it looks like a number or a mapping)");
    }
    return node.get(key).textValue();
  }

  /** Returns a list of texts; a text alone is a list of one, nothing is an empty list. */
  List<String> texts(String key) {
    if (isAbsent(key)) {
      return List.of();
    }
    JsonNode value = node.get(key);
    Iterable<JsonNode> elements = value.isArray() ? value : List.of(value);
    List<String> texts = new ArrayList<>();
    for (JsonNode element : elements) {
      if (!element.isTextual()) {
        throw wrong(key, "a list of names");
      }
      texts.add(element.textValue());
    }
    return List.copyOf(texts);
  }

  int integer(String key, int least, int fallback) {
    return (int) integer(key, least, Integer.MAX_VALUE, fallback);
  }

  long integer(String key, long least, long most, long fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = node.get(key);
    boolean whole = value.isIntegralNumber() && value.canConvertToLong();
    if (!whole || value.longValue() < least || value.longValue() > most) {
      throw wrong(key, "a whole number from " + least + " to " + most);
    }
    return value.longValue();
  }

  /**
   * Returns a finite number.
   *
   * @param range what it must be beyond that
   * @param expected the range in words
   */
  double number(String key, DoublePredicate range, String expected, double fallback) {
    return has(key) ? number(key, range, expected) : fallback;
  }

  /** Returns a finite number, null where the file says null, or the fallback. */
  Double numberOrNull(String key, DoublePredicate range, String expected, Double fallback) {
    if (!has(key)) {
      return fallback;
    }
    return node.get(key).isNull() ? null : Double.valueOf(number(key, range, expected));
  }

  private double number(String key, DoublePredicate range, String expected) {
    JsonNode value = node.get(key);
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!Double.isFinite(number) || !range.test(number)) {
      throw wrong(key, expected);
    }
    return number;
  }

  boolean flag(String key, boolean fallback) {
    if (!has(key)) {
      return fallback;
    }
    if (!node.get(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return node.get(key).booleanValue();
  }

  /** Returns the one of {@code values} whose word the file gives. */
  <E> E choice(String key, E[] values, Function<E, String> word, E fallback) {
    if (!has(key)) {
      return fallback;
    }
    String found = node.get(key).asText();
    return Arrays.stream(values)
        .filter(value -> word.apply(value).equals(found))
        .findFirst()
        .orElseThrow(
            () -> wrong(key, Arrays.stream(values).map(word).collect(Collectors.joining(" or "))));
  }

  /** Returns the error that {@code key} has a value which is not {@code expected}. */
  IllegalArgumentException wrong(String key, String expected) {
    String found = node.path(key).toString();
    if (found.length() > LONGEST_QUOTE) {
      found = found.substring(0, LONGEST_QUOTE) + "...";
    }
    return error("%s%s must be %s, got %s".formatted(prefix, key, expected, found));
  }

  /** Returns the error that {@code message} describes. */
  IllegalArgumentException error(String message) {
    return new IllegalArgumentException(source + ": " + message);
  }

  private boolean isAbsent(String key) {
    return node.path(key).isMissingNode() || node.get(key).isNull();
  }
}
