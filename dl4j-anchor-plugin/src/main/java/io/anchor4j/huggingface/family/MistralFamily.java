package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Set;

/**
 * Mistral: no biases, and one sliding window for all layers unless {@code sliding_window} is null.
 */
final class MistralFamily extends ModelFamily {
  private static final int DEFAULT_WINDOW = 4096;

  MistralFamily() {
    super(
        "mistral",
        "Mistral",
        new Defaults(8, 0, 131_072, 10_000, /* tied= */ false),
        Set.of(LayerTypes.SLIDING_WINDOW));
  }

  @Override
  BlockOptions blocks(JsonFields config, int layers) {
    return BlockOptions.PLAIN;
  }

  @Override
  int window(JsonFields config) {
    return LayerTypes.slidingWindow(config, DEFAULT_WINDOW);
  }

  @Override
  void writeBlocks(DecoderConfig decoder, ObjectNode json) {
    int window = decoder.attention().window();
    if (window > 0) {
      json.put(LayerTypes.SLIDING_WINDOW, window);
    } else {
      json.putNull(LayerTypes.SLIDING_WINDOW); // Left out, it would be read as 4096.
    }
  }
}
