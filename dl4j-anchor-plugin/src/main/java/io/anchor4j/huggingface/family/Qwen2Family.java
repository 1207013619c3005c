package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Set;
import java.util.SortedSet;

/**
 * Qwen2 and Qwen2.5: biases on query, key and value whatever {@code attention_bias} says, and a
 * window, where one is in use, from layer {@code max_window_layers} on.
 */
final class Qwen2Family extends ModelFamily {
  static final String MAX_WINDOW_LAYERS = "max_window_layers";
  private static final int DEFAULT_WINDOW = 4096;
  private static final int DEFAULT_MAX_WINDOW_LAYERS = 28;

  Qwen2Family() {
    super(
        "qwen2",
        "Qwen2",
        new Defaults(32, 0, 32_768, 10_000, /* tied= */ false),
        Set.of(
            LlamaFamily.ATTENTION_BIAS,
            LayerTypes.USE_SLIDING_WINDOW,
            LayerTypes.SLIDING_WINDOW,
            LayerTypes.LAYER_TYPES,
            MAX_WINDOW_LAYERS));
  }

  @Override
  BlockOptions blocks(JsonFields config, int layers) {
    return BlockOptions.PLAIN
        .withQueryKeyValueBias(true)
        .withUnwindowed(upperLayersSlide(config, layers));
  }

  /** Returns the layers without a window, which are the lower ones unless the file names them. */
  static SortedSet<Integer> upperLayersSlide(JsonFields config, int layers) {
    int first = config.optionalInt(MAX_WINDOW_LAYERS, 0).orElse(DEFAULT_MAX_WINDOW_LAYERS);
    return LayerTypes.unwindowed(config, layers, slidingWindow(config), i -> i >= first);
  }

  static int slidingWindow(JsonFields config) {
    return LayerTypes.window(config, DEFAULT_WINDOW);
  }

  @Override
  int window(JsonFields config) {
    return slidingWindow(config);
  }

  @Override
  void writeBlocks(DecoderConfig decoder, ObjectNode json) {
    LayerTypes.write(decoder, json);
  }
}
