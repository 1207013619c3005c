package io.anchor4j.huggingface.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.collect.ImmutableSortedSet;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each family's keys; the defaults are those of transformers 5.23's configuration classes. */
class ModelFamilyTest {
  private static HuggingFaceConfig config(String type, String extra) {
    Map<String, Object> fields =
        fields(
            "{'vocab_size': 97, 'hidden_size': 64, 'intermediate_size': 56, 'num_hidden_layers': 5,"
                + " 'num_attention_heads': 32}");
    fields.put("model_type", type);
    fields.putAll(fields(extra));
    return HuggingFaceConfig.of("config", fields);
  }

  private static DecoderConfig decoder(String type, String extra) {
    return config(type, extra).toDecoderConfig();
  }

  @SuppressWarnings("unchecked") // a JSON object is a map of texts to values
  private static Map<String, Object> fields(String json) {
    try {
      return JsonFields.MAPPER.readValue(json.replace('\'', '"'), HashMap.class);
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static SortedSet<Integer> layers(Integer... layers) {
    return ImmutableSortedSet.copyOf(layers);
  }

  @ParameterizedTest
  @CsvSource({
    "llama,   Llama,   32, 2,   2048,   10000,   false, 0",
    "mistral, Mistral, 8,  2,   131072, 10000,   false, 4096",
    "qwen2,   Qwen2,   32, 2,   32768,  10000,   false, 0",
    "qwen3,   Qwen3,   32, 128, 32768,  10000,   false, 0",
    "smollm3, SmolLM3, 4,  2,   32768,  2000000, true,  0",
  })
  void whatIsMissingIsWhatTransformersTakesItFor(
      String type,
      String name,
      int kvHeads,
      int headDim,
      int positions,
      double theta,
      boolean tied,
      int window) {
    DecoderConfig decoder = decoder(type, "{}");
    assertEquals(name, config(type, "{}").family());
    assertEquals(kvHeads, decoder.kvHeads());
    assertEquals(headDim, decoder.headDim());
    assertEquals(positions, decoder.maxPositions());
    assertEquals(theta, decoder.attention().rotary().theta());
    assertEquals(tied, decoder.tiedEmbeddings());
    assertEquals(window, decoder.attention().window());
    assertEquals(1e-6, decoder.rmsNormEpsilon());
    // A null is not a missing key: transformers then takes the number of query heads.
    assertEquals(32, decoder(type, "{'num_key_value_heads': null}").kvHeads());
  }

  static Stream<Arguments> blocks() {
    BlockOptions plain = BlockOptions.PLAIN;
    BlockOptions biased = plain.withQueryKeyValueBias(true).withProjectionBias(true);
    BlockOptions qwen2 = plain.withQueryKeyValueBias(true);
    BlockOptions qwen3 = plain.withQueryKeyNorm(true);
    String types =
        "'layer_types': ['full_attention', 'sliding_attention', 'full_attention',"
            + " 'full_attention', 'sliding_attention']";
    String slides = "'use_sliding_window': true, 'sliding_window': 7";
    return Stream.of(
        arguments("llama", "{}", plain, 0),
        arguments("llama", "{'hidden_act': 'swish', 'is_causal': true}", plain, 0),
        arguments("llama", "{'attention_bias': true}", biased, 0),
        arguments("llama", "{'mlp_bias': true}", plain.withMlpBias(true), 0),
        arguments("mistral", "{'sliding_window': 7}", plain, 7),
        arguments("mistral", "{'sliding_window': null}", plain, 0),
        arguments("qwen2", "{}", qwen2, 0),
        arguments("qwen2", "{'attention_bias': false}", qwen2, 0),
        arguments("qwen2", "{'sliding_window': 7}", qwen2, 0),
        arguments("qwen2", "{'use_sliding_window': true, 'sliding_window': null}", qwen2, 0),
        arguments(
            "qwen2",
            "{'use_sliding_window': true, 'max_window_layers': 2}",
            qwen2.withUnwindowed(layers(0, 1)),
            4096),
        arguments("qwen2", "{" + slides + "}", qwen2.withUnwindowed(layers(0, 1, 2, 3, 4)), 7),
        arguments(
            "qwen2", "{" + slides + "," + types + "}", qwen2.withUnwindowed(layers(0, 2, 3)), 7),
        arguments("qwen3", "{}", qwen3, 0),
        arguments("qwen3", "{'attention_bias': true}", biased.withQueryKeyNorm(true), 0),
        arguments(
            "qwen3",
            "{" + slides + ", 'max_window_layers': 4}",
            qwen3.withUnwindowed(layers(0, 1, 2, 3)),
            7),
        arguments(
            "qwen3", "{" + slides + "," + types + "}", qwen3.withUnwindowed(layers(0, 2, 3)), 7),
        arguments("smollm3", "{}", plain.withUnrotated(layers(3)), 0),
        arguments("smollm3", "{'no_rope_layer_interval': 2}", plain.withUnrotated(layers(1, 3)), 0),
        arguments("smollm3", "{'no_rope_layers': [1, 1, 1, 1, 1, 0]}", plain, 0),
        arguments(
            "smollm3",
            "{'no_rope_layers': [0, 1, 1, 0, 1], 'attention_bias': true, 'mlp_bias': true}",
            biased.withMlpBias(true).withUnrotated(layers(0, 3)),
            0),
        arguments(
            "smollm3",
            "{'no_rope_layer_interval': 2, " + slides + "}",
            plain.withUnrotated(layers(1, 3)).withUnwindowed(layers(0, 2, 4)),
            7),
        arguments("smollm3", "{'use_sliding_window': true}", plain.withUnrotated(layers(3)), 0));
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void blocksAreThoseOfTheFamily(String type, String extra, BlockOptions blocks, int window) {
    DecoderConfig decoder = decoder(type, extra);
    assertEquals(blocks, decoder.blocks());
    assertEquals(window, decoder.attention().window());
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void exportSaysAllOfIt(String type, String extra, BlockOptions blocks, int window) {
    HuggingFaceConfig read = config(type, extra);
    JsonNode exported = read.toJson(TensorType.F32);
    HuggingFaceConfig again = HuggingFaceConfig.of("again", fields(exported.toString()));
    assertEquals(read.toDecoderConfig(), again.toDecoderConfig());
    assertEquals(exported, again.toJson(TensorType.F32));
    assertEquals(type, exported.get("model_type").asText());
    assertEquals(read.family() + "ForCausalLM", exported.at("/architectures/0").asText());
    if (type.equals("mistral")) {
      assertTrue(exported.has("sliding_window"), "left out it means 4096");
    }
  }

  static Stream<Arguments> refusals() {
    return Stream.of(
        arguments(
            "qwen2",
            "{'layer_types': ['full_attention']}",
            "layer_types must be a list of one type a layer, 5 in all"),
        arguments(
            "qwen3",
            "{'num_hidden_layers': 1, 'layer_types': ['linear_attention']}",
            "layer_types: layer 0 must be full_attention or sliding_attention, got"
                + " \"linear_attention\""),
        arguments(
            "qwen3",
            "{'num_hidden_layers': 1, 'sliding_window': 4, 'layer_types': ['sliding_attention']}",
            "layer 0 is sliding_attention, but sliding_window is missing or use_sliding_window is"
                + " not true"),
        arguments("mistral", "{'sliding_window': 0}", "sliding_window must be an integer from 1"),
        arguments(
            "mistral",
            "{'layer_types': ['sliding_attention']}",
            "layer_types is not supported for mistral"),
        arguments("mistral", "{'attention_bias': true}", "attention_bias is not supported"),
        arguments("qwen2", "{'mlp_bias': true}", "mlp_bias is not supported for qwen2"),
        arguments("llama", "{'sliding_window': 9}", "sliding_window is not supported for llama"),
        arguments("llama", "{'no_rope_layers': [1]}", "no_rope_layers is not supported for llama"),
        arguments("smollm3", "{'no_rope_layers': [1, 0]}", "no_rope_layers must be a list of 1"),
        arguments(
            "smollm3",
            "{'no_rope_layers': [1, 0, 2, 1, 1]}",
            "no_rope_layers must be a list of 1 (rotated) or 0 for each of 5 layers"),
        arguments("smollm3", "{'no_rope_layer_interval': 0}", "no_rope_layer_interval must be"),
        arguments("qwen3", "{'hidden_act': 'gelu'}", "hidden_act must be silu, got \"gelu\""),
        arguments("llama", "{'is_causal': false}", "is_causal must be true: attention is causal"),
        arguments("smollm3", "{'is_causal': null}", "is_causal must be true: attention is causal"),
        arguments("qwen2", "{'quantization_config': {'a': 1}}", "quantization_config"),
        arguments("qwen3", "{'partial_rotary_factor': 0.5}", "partial_rotary_factor must be 1"),
        arguments(
            "qwen2",
            "{'rope_scaling': {'type': 'default', 'mrope_section': [1, 2]}}",
            "config: rope_scaling: mrope_section is not supported, got [1,2]"),
        arguments(
            "qwen3",
            "{'rope_parameters': {'full_attention': {'rope_type': 'default'}}}",
            "config: rope_parameters: full_attention is not supported"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatIsNotSupportedIsNamed(String type, String extra, String reason) {
    var e = assertThrows(IllegalArgumentException.class, () -> config(type, extra));
    assertTrue(e.getMessage().startsWith("config: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  /** Of models that people take for a Llama: Granite, Gemma 2, Cohere, OLMo, MiniCPM, Mixtral. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "'logits_scaling': 8.0",
        "'embedding_multiplier': 12.0",
        "'attn_logit_softcapping': 50.0",
        "'query_pre_attn_scalar': 224",
        "'logit_scale': 0.0625",
        "'residual_multiplier': 0",
        "'use_qk_norm': true",
        "'clip_qkv': 8",
        "'scale_depth': 1.4",
        "'num_local_experts': 8",
        "'rope_interleaved': true",
        "'use_mrope': true",
        "'hidden_activation': 'gelu_pytorch_tanh'",
        "'per_layer_config': {'0': {'hidden_size': 8}}",
      })
  void aKeyThatSoundsLikeAChangeIsRefused(String field) {
    var e = assertThrows(IllegalArgumentException.class, () -> config("llama", "{" + field + "}"));
    String key = field.substring(1, field.indexOf('\'', 1));
    assertTrue(
        e.getMessage().contains(key + " is not supported for llama and may change"),
        e.getMessage());
  }

  @Test
  void keysWithoutEffectAreKept() {
    String kept =
        "{'is_llama_config': true, 'rope_interleaved': false, 'pretraining_tp': 2, 'use_cache':"
            + " true, '_attn_implementation_autoset': true, 'unsloth_version': '2025.1',"
            + " 'logit_scale': null, 'num_local_experts': 0, 'attention_dropout': 0.1, 'max_window_layers': 28,"
            + " 'transformers.js_config': {'dtype': 'q4'}, 'pruned_heads': {}}";
    JsonNode exported = config("llama", kept).toJson(TensorType.F32);
    fields(kept)
        .forEach(
            (key, value) ->
                assertEquals(JsonFields.MAPPER.valueToTree(value), exported.get(key), key));
  }

  /** Otherwise raising max_position_embeddings would change what the factor is. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral", "qwen2", "qwen3", "smollm3"})
  void aLongerContextKeepsTheScalingItWasGiven(String type) {
    String factors = "[1.0, 2.0]";
    HuggingFaceConfig longRope =
        config(
            type,
            ("{'head_dim': 4, 'max_position_embeddings': 256, 'rope_scaling': {'rope_type':"
                    + " 'longrope', 'original_max_position_embeddings': 64, 'short_factor': %s,"
                    + " 'long_factor': %s}}")
                .formatted(factors, factors));
    HuggingFaceConfig longer = longRope.withPositions(4096);
    assertEquals(4096, longer.toDecoderConfig().maxPositions());
    assertEquals(
        longRope.toDecoderConfig().attention().rotary(),
        longer.toDecoderConfig().attention().rotary());
    JsonNode rope = longer.toJson(TensorType.F32).get("rope_parameters");
    assertEquals(4, rope.get("factor").asDouble());
    assertEquals(64, rope.get("original_max_position_embeddings").asInt());
  }
}
