package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which keys of a config.json may stand there without being read. Nobody can list every key that
 * vendors add, and a key that changes the computation must not be passed over; so a key nobody here
 * knows is taken for a change if its name has the sound of one and its value is not "off".
 */
final class ConfigKeys {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigKeys.class);

  /** Read for every family. */
  private static final Set<String> SHARED =
      Set.of(
          "head_dim",
          "hidden_size",
          "intermediate_size",
          "initializer_range",
          "max_position_embeddings",
          "num_attention_heads",
          "num_hidden_layers",
          "num_key_value_heads",
          "original_max_position_embeddings",
          "partial_rotary_factor",
          "rms_norm_eps",
          "rope_parameters",
          "rope_scaling",
          "rope_theta",
          "tie_word_embeddings");

  /** They sound like a change and make none in these families. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "attn_implementation",
          "chunk_size_feed_forward",
          "max_window_layers", // of Qwen's alone, which read it
          "output_attentions",
          "pretraining_tp"); // the order of a sum, in transformers 4

  /** What names of keys that change a computation are made of, in models near these. */
  private static final Pattern SOUNDS_LIKE_A_CHANGE =
      Pattern.compile(
          "alibi|activation|attention|attn|bias|clip|cross|embed|encoder_decoder|expert|factor|ffn|gate|head|layer"
              + "|logit|mla|mlp|moe|multipl|norm|position|qk|query|residual|rope|rotary|router|scal"
              + "|sink|softcap|sparse|theta|window");

  /** Names of numbers that are multiplied with: 0 is a value of theirs, not the lack of one. */
  private static final Pattern MULTIPLIES = Pattern.compile("multipl|scal|factor|theta");

  private ConfigKeys() {}

  /**
   * @throws IllegalArgumentException if a key has a value that is not supported, naming both
   */
  static void check(JsonFields config, ModelFamily family) {
    String activation = config.textOr("hidden_act", "silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw config.wrong("hidden_act", "silu");
    }
    JsonNode causal = config.json().path("is_causal");
    if (!causal.isMissingNode() && !causal.booleanValue()) {
      // A null too: transformers asks for what Python takes for true.
      throw config.wrong("is_causal", "true: attention is causal here");
    }
    if (config.has("quantization_config")) {
      throw new IllegalArgumentException(
          config.source()
              + ": quantization_config: quantized weights are not supported; use a checkpoint in"
              + " float32, float16 or bfloat16");
    }
    for (Map.Entry<String, JsonNode> field : config.json().properties()) {
      String key = field.getKey();
      String lower = key.toLowerCase(Locale.ROOT);
      if (isOff(lower, field.getValue()) || SHARED.contains(key) || family.keys().contains(key)) {
        continue;
      }
      if (lower.contains("dropout") || lower.contains("pdrop")) {
        LOG.warn("{}: {} is ignored: there is no dropout here", config.source(), key);
      } else if (!WITHOUT_EFFECT.contains(key)
          && !key.startsWith("_") // transformers' own notes
          && SOUNDS_LIKE_A_CHANGE.matcher(lower).find()) {
        throw new IllegalArgumentException(
            "%s: %s is not supported for %s and may change what the model computes, got %s; if it changes nothing, remove it"
                .formatted(
                    config.source(),
                    SafetensorsException.printable(key),
                    family.modelType(),
                    JsonFields.shown(field.getValue())));
      }
    }
  }

  /** null, false, 0 or empty: what switches something off, or says that there is none. */
  private static boolean isOff(String key, JsonNode value) {
    return value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isNumber() && value.doubleValue() == 0 && !MULTIPLIES.matcher(key).find())
        || (value.isContainerNode() && value.isEmpty());
  }
}
