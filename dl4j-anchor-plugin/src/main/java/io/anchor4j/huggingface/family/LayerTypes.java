package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.IntPredicate;

/**
 * Sliding windows layer by layer, as Qwen2, Qwen3 and SmolLM3 have them: {@code sliding_window}
 * counts if {@code use_sliding_window} says so, in the layers that {@code layer_types} names, or
 * else in those of the family's own rule.
 */
final class LayerTypes {
  static final String SLIDING_WINDOW = "sliding_window";
  static final String USE_SLIDING_WINDOW = "use_sliding_window";

  static final String LAYER_TYPES = "layer_types";
  private static final String SLIDING = "sliding_attention";
  private static final String FULL = "full_attention";

  private LayerTypes() {}

  /**
   * Returns the window that is in use, 0 for none.
   *
   * @param otherwise what a missing {@code sliding_window} stands for; null stands for none
   */
  static int window(JsonFields config, int otherwise) {
    if (!config.booleanOr(USE_SLIDING_WINDOW, false)) {
      return 0;
    }
    return slidingWindow(config, otherwise);
  }

  /** Returns {@code sliding_window} as it stands: nothing is not null, which means no window. */
  static int slidingWindow(JsonFields config, int otherwise) {
    return config.json().has(SLIDING_WINDOW)
        ? config.optionalInt(SLIDING_WINDOW, 1).orElse(0)
        : otherwise;
  }

  /**
   * Returns the layers that leave out the window; none where there is no window at all.
   *
   * @param window 0 for none
   * @param slides the family's rule where the file names no types
   */
  static SortedSet<Integer> unwindowed(
      JsonFields config, int layers, int window, IntPredicate slides) {
    if (config.has(LAYER_TYPES)) {
      checkTypes(config, layers, window);
    }
    var unwindowed = new TreeSet<Integer>();
    for (int i = 0; window > 0 && i < layers; i++) {
      boolean sliding =
          config.has(LAYER_TYPES)
              ? config.json().get(LAYER_TYPES).get(i).textValue().equals(SLIDING)
              : slides.test(i);
      if (!sliding) {
        unwindowed.add(i);
      }
    }
    return unwindowed;
  }

  private static void checkTypes(JsonFields config, int layers, int window) {
    JsonNode types = config.json().get(LAYER_TYPES);
    if (!types.isArray() || types.size() != layers) {
      throw config.wrong(LAYER_TYPES, "a list of one type a layer, " + layers + " in all");
    }
    for (int i = 0; i < layers; i++) {
      String type = types.get(i).asText();
      if (!type.equals(FULL) && !type.equals(SLIDING)) {
        throw new IllegalArgumentException(
            "%s: %s: layer %d must be %s or %s, got %s"
                .formatted(
                    config.source(),
                    LAYER_TYPES,
                    i,
                    FULL,
                    SLIDING,
                    JsonFields.shown(types.get(i))));
      }
      if (type.equals(SLIDING) && window == 0) {
        throw new IllegalArgumentException(
            "%s: %s: layer %d is %s, but %s is missing or %s is not true"
                .formatted(
                    config.source(), LAYER_TYPES, i, SLIDING, SLIDING_WINDOW, USE_SLIDING_WINDOW));
      }
    }
  }

  /** Writes the types of all layers, and the window if one is in use. */
  static void write(DecoderConfig decoder, ObjectNode json) {
    ArrayNode types = json.putArray(LAYER_TYPES);
    boolean slides = false;
    for (int i = 0; i < decoder.layers(); i++) {
      boolean sliding = decoder.attention(i).window() > 0;
      types.add(sliding ? SLIDING : FULL);
      slides |= sliding;
    }
    if (slides) {
      json.put(USE_SLIDING_WINDOW, true);
      json.put(SLIDING_WINDOW, decoder.attention().window());
    }
  }
}
