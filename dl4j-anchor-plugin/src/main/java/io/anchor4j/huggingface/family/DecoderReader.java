package io.anchor4j.huggingface.family;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.rotary.RotaryConfig;

/** Reads what all families share: sizes, which a file must hold, and the rest by its defaults. */
final class DecoderReader {
  /** Far above any model: what a layer is like is kept for each, and a file is not trusted. */
  private static final int MOST_LAYERS = 10_000;

  private DecoderReader() {}

  static DecoderConfig read(JsonFields config, ModelFamily family) {
    ModelFamily.Defaults defaults = family.defaults();
    int hidden = config.requireInt("hidden_size", 1);
    int layers = config.requireInt("num_hidden_layers", 1);
    if (layers > MOST_LAYERS) {
      throw config.wrong("num_hidden_layers", "at most " + MOST_LAYERS);
    }
    int heads = config.requireInt("num_attention_heads", 1);
    int kvHeads = kvHeads(config, heads, defaults.kvHeads());
    int headDim = headDim(config, hidden, heads, defaults.headDim());
    double epsilon = config.optionalDouble("rms_norm_eps").orElse(1e-6);
    if (epsilon <= 0 || epsilon >= 1) {
      throw config.wrong("rms_norm_eps", "above 0 and below 1");
    }
    double initializerRange = config.optionalDouble("initializer_range").orElse(0.02);
    if (initializerRange <= 0 || initializerRange > 1) {
      throw config.wrong("initializer_range", "above 0 and at most 1");
    }
    int maxPositions =
        config.optionalInt("max_position_embeddings", 1).orElse(defaults.maxPositions());
    RopeParameters rope = family.rope(config, maxPositions);
    RotaryConfig rotary = rope.rotary(headDim);
    rope.warnOfLengths();
    return new DecoderConfig(
        config.requireInt("vocab_size", 1),
        hidden,
        config.requireInt("intermediate_size", 1),
        layers,
        heads,
        kvHeads,
        headDim,
        epsilon,
        maxPositions,
        config.booleanOr("tie_word_embeddings", defaults.tied()),
        initializerRange,
        family.blocks(config, layers),
        AttentionConfig.DEFAULT.withRotary(rotary).withWindow(family.window(config)));
  }

  /** A null stands for as many as there are query heads, whatever a missing key stands for. */
  private static int kvHeads(JsonFields config, int heads, int otherwise) {
    boolean asHeads = config.json().has("num_key_value_heads") || otherwise == 0;
    int kvHeads = config.optionalInt("num_key_value_heads", 1).orElse(asHeads ? heads : otherwise);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "%s: num_attention_heads must be a multiple of num_key_value_heads, got %d and %d"
              .formatted(config.source(), heads, kvHeads));
    }
    return kvHeads;
  }

  private static int headDim(JsonFields config, int hidden, int heads, int otherwise) {
    if (!config.has("head_dim") && otherwise == 0 && hidden % heads != 0) {
      throw new IllegalArgumentException(
          "%s: hidden_size must be a multiple of num_attention_heads, or head_dim be given, got %d and %d"
              .formatted(config.source(), hidden, heads));
    }
    int headDim =
        config.optionalInt("head_dim", 1).orElse(otherwise == 0 ? hidden / heads : otherwise);
    if (headDim % 2 != 0 || headDim > RotaryConfig.MAX_DIMENSIONS) {
      throw new IllegalArgumentException(
          "%s: head_dim (hidden_size / num_attention_heads where it is missing) must be even and at most %d for a rotary embedding, got %d"
              .formatted(config.source(), RotaryConfig.MAX_DIMENSIONS, headDim));
    }
    return headDim;
  }
}
