package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.DecoderTensors.Mapping;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DecoderTensorsTest {
  private static List<Mapping> mappings(boolean tied, boolean attentionBias, boolean mlpBias) {
    return DecoderTensors.of(
        HuggingFaceConfig.of(
                "config",
                Map.of(
                    "model_type", "llama",
                    "vocab_size", 11,
                    "hidden_size", 8,
                    "intermediate_size", 12,
                    "num_hidden_layers", 12,
                    "num_attention_heads", 4,
                    "num_key_value_heads", 1,
                    "tie_word_embeddings", tied,
                    "attention_bias", attentionBias,
                    "mlp_bias", mlpBias))
            .toDecoderConfig());
  }

  @Test
  void theTableIsInTheOrderOfTheLayersAndEndsWithTheOutput() {
    List<Mapping> all =
        mappings(/* tied= */ false, /* attentionBias= */ false, /* mlpBias= */ false);
    assertEquals(1 + 12 * 9 + 2, all.size());
    assertEquals(
        new Mapping(
            "model.embed_tokens.weight",
            "embedding",
            "W",
            /* transposed= */ false,
            List.of(11L, 8L)),
        all.get(0));
    assertEquals(
        new Mapping(
            "model.layers.11.self_attn.k_proj.weight",
            "layer-11-key",
            "W",
            /* transposed= */ true,
            List.of(2L, 8L)),
        all.get(1 + 11 * 9 + 2));
    assertEquals(
        new Mapping("lm_head.weight", "output", "W", /* transposed= */ true, List.of(11L, 8L)),
        all.get(all.size() - 1));
  }

  @Test
  void biasesAndTheOutputAreThereOnlyWhereTheConfigurationSays() {
    assertEquals(
        1 + 12 * 13 + 2,
        mappings(/* tied= */ false, /* attentionBias= */ true, /* mlpBias= */ false).size());
    assertEquals(
        1 + 12 * 12 + 2,
        mappings(/* tied= */ false, /* attentionBias= */ false, /* mlpBias= */ true).size());
    List<Mapping> tied =
        mappings(/* tied= */ true, /* attentionBias= */ false, /* mlpBias= */ false);
    assertFalse(tied.stream().anyMatch(mapping -> mapping.tensor().startsWith("lm_head")));
    assertTrue(tied.stream().allMatch(mapping -> mapping.shape().size() <= 2));
  }
}
