package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Set;

/** Qwen3: norms on the heads of query and key, heads of 128, Llama's biases, Qwen2's windows. */
final class Qwen3Family extends ModelFamily {
  Qwen3Family() {
    super(
        "qwen3",
        "Qwen3",
        new Defaults(32, 128, 32_768, 10_000, /* tied= */ false),
        Set.of(
            LlamaFamily.ATTENTION_BIAS,
            LayerTypes.USE_SLIDING_WINDOW,
            LayerTypes.SLIDING_WINDOW,
            LayerTypes.LAYER_TYPES,
            Qwen2Family.MAX_WINDOW_LAYERS));
  }

  @Override
  BlockOptions blocks(JsonFields config, int layers) {
    return LlamaFamily.biases(config)
        .withQueryKeyNorm(true)
        .withUnwindowed(Qwen2Family.upperLayersSlide(config, layers));
  }

  @Override
  int window(JsonFields config) {
    return Qwen2Family.slidingWindow(config);
  }

  @Override
  void writeBlocks(DecoderConfig decoder, ObjectNode json) {
    json.put(LlamaFamily.ATTENTION_BIAS, decoder.blocks().projectionBias());
    LayerTypes.write(decoder, json);
  }
}
