package io.anchor4j.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The keys of generation_config.json by which transformers 5 chooses other tokens and this library
 * does not: those of its logits processors, of beams, and of further ends.
 */
final class GenerationKeys {
  private static final Set<String> NONE_AT_0 =
      Set.of(
          "no_repeat_ngram_size",
          "min_length",
          "min_new_tokens",
          "min_p",
          "epsilon_cutoff",
          "eta_cutoff",
          "penalty_alpha");

  private static final Set<String> NONE_AT_1 =
      Set.of("typical_p", "num_beams", "num_beam_groups", "num_return_sequences", "guidance_scale");

  private static final Set<String> NONE_IF_EMPTY =
      Set.of(
          "suppress_tokens",
          "begin_suppress_tokens",
          "bad_words_ids",
          "force_words_ids",
          "constraints",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "forced_decoder_ids",
          "sequence_bias",
          "exponential_decay_length_penalty",
          "dola_layers",
          "top_h",
          "stop_strings",
          "token_healing",
          "watermarking_config");

  /** The others by which transformers generates. */
  private static final Set<String> OTHERS =
      Set.of(
          "repetition_penalty",
          "do_sample",
          "temperature",
          "top_k",
          "top_p",
          "max_length",
          "max_new_tokens",
          "length_penalty",
          "early_stopping");

  private GenerationKeys() {}

  /**
   * Returns those that a config.json has of generation_config.json: where that file is missing,
   * transformers generates by them ({@code GenerationConfig.from_pretrained} of config.json).
   */
  static ObjectNode of(ObjectNode config) {
    List<String> keys =
        Stream.of(NONE_AT_0, NONE_AT_1, NONE_IF_EMPTY, OTHERS).flatMap(Set::stream).toList();
    return config.deepCopy().retain(keys);
  }

  /** Returns those that are set to something other than what changes nothing, in file order. */
  static List<String> ignored(ObjectNode generation) {
    return generation.properties().stream()
        .filter(field -> changesTokens(field.getKey(), field.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  private static boolean changesTokens(String key, JsonNode value) {
    if (value.isNull()) {
      return false;
    }
    if (NONE_IF_EMPTY.contains(key)) {
      boolean none = value.isContainerNode() ? value.isEmpty() : value.isBoolean();
      return !none || value.asBoolean();
    }
    return (NONE_AT_0.contains(key) && value.asDouble() != 0)
        || (NONE_AT_1.contains(key) && value.asDouble(1) != 1);
  }
}
