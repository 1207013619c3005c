package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Set;

/** Llama 2 and 3, and SmolLM, which is stored as such: biases everywhere or nowhere. */
final class LlamaFamily extends ModelFamily {
  static final String ATTENTION_BIAS = "attention_bias";
  static final String MLP_BIAS = "mlp_bias";

  LlamaFamily() {
    super(
        "llama",
        "Llama",
        new Defaults(0, 0, 2048, 10_000, /* tied= */ false),
        Set.of(ATTENTION_BIAS, MLP_BIAS));
  }

  @Override
  BlockOptions blocks(JsonFields config, int layers) {
    int hidden = config.requireInt("hidden_size", 1);
    int heads = config.requireInt("num_attention_heads", 1);
    if (hidden % heads != 0) {
      // transformers refuses this, for Llama alone, even where head_dim is given.
      throw new IllegalArgumentException(
          "%s: hidden_size must be a multiple of num_attention_heads, got %d and %d"
              .formatted(config.source(), hidden, heads));
    }
    return biases(config).withMlpBias(config.booleanOr(MLP_BIAS, false));
  }

  /** Biases on query, key, value and output projections, all or none. */
  static BlockOptions biases(JsonFields config) {
    boolean bias = config.booleanOr(ATTENTION_BIAS, false);
    return BlockOptions.PLAIN.withQueryKeyValueBias(bias).withProjectionBias(bias);
  }

  @Override
  int window(JsonFields config) {
    return 0;
  }

  @Override
  void writeBlocks(DecoderConfig decoder, ObjectNode json) {
    json.put(ATTENTION_BIAS, decoder.blocks().projectionBias());
    json.put(MLP_BIAS, decoder.blocks().mlpBias());
  }
}
