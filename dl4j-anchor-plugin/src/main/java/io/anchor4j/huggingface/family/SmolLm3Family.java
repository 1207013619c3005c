package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/**
 * SmolLM3: layers without a rotary embedding, named by {@code no_rope_layers} (1 rotated, 0 not) or
 * every {@code no_rope_layer_interval}-th; a window, where one is in use, falls on just these.
 */
final class SmolLm3Family extends ModelFamily {
  private static final String NO_ROPE_LAYERS = "no_rope_layers";
  private static final String INTERVAL = "no_rope_layer_interval";

  SmolLm3Family() {
    super(
        "smollm3",
        "SmolLM3",
        new Defaults(4, 0, 32_768, 2_000_000, /* tied= */ true),
        Set.of(
            LlamaFamily.ATTENTION_BIAS,
            LlamaFamily.MLP_BIAS,
            LayerTypes.USE_SLIDING_WINDOW,
            LayerTypes.SLIDING_WINDOW,
            LayerTypes.LAYER_TYPES,
            NO_ROPE_LAYERS,
            INTERVAL));
  }

  @Override
  BlockOptions blocks(JsonFields config, int layers) {
    NavigableSet<Integer> unrotated = unrotated(config, layers);
    return LlamaFamily.biases(config)
        .withMlpBias(config.booleanOr(LlamaFamily.MLP_BIAS, false))
        .withUnrotated(unrotated)
        .withUnwindowed(LayerTypes.unwindowed(config, layers, window(config), unrotated::contains));
  }

  private static NavigableSet<Integer> unrotated(JsonFields config, int layers) {
    var unrotated = new TreeSet<Integer>();
    if (!config.has(NO_ROPE_LAYERS)) {
      int interval = config.optionalInt(INTERVAL, 1).orElse(4);
      for (int i = interval - 1; i < layers; i += interval) {
        unrotated.add(i);
      }
      return unrotated;
    }
    JsonNode flags = config.json().get(NO_ROPE_LAYERS);
    String expected = "a list of 1 (rotated) or 0 for each of " + layers + " layers";
    if (!flags.isArray() || flags.size() < layers) {
      throw config.wrong(NO_ROPE_LAYERS, expected);
    }
    for (int i = 0; i < layers; i++) {
      int flag = flags.get(i).isInt() ? flags.get(i).intValue() : -1;
      if (flag != 0 && flag != 1) {
        throw config.wrong(NO_ROPE_LAYERS, expected);
      }
      if (flag == 0) {
        unrotated.add(i);
      }
    }
    return unrotated;
  }

  @Override
  int window(JsonFields config) {
    return LayerTypes.window(config, /* otherwise= */ 0);
  }

  @Override
  void writeBlocks(DecoderConfig decoder, ObjectNode json) {
    json.put(LlamaFamily.ATTENTION_BIAS, decoder.blocks().projectionBias());
    json.put(LlamaFamily.MLP_BIAS, decoder.blocks().mlpBias());
    ArrayNode flags = json.putArray(NO_ROPE_LAYERS);
    for (int i = 0; i < decoder.layers(); i++) {
      flags.add(decoder.blocks().unrotated().contains(i) ? 0 : 1);
    }
    LayerTypes.write(decoder, json);
  }
}
