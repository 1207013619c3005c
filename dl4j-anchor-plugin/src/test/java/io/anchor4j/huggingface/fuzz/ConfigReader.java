package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Right is: the sizes that stand in the file, and the same decoder from what is written of it. */
final class ConfigReader implements Reader {
  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {
          "architectures": ["LlamaForCausalLM"],
          "attention_bias": false,
          "attention_dropout": 0.0,
          "bos_token_id": 1,
          "eos_token_id": [2, 3],
          "head_dim": 6,
          "hidden_act": "silu",
          "hidden_size": 8,
          "initializer_range": 0.02,
          "intermediate_size": 12,
          "max_position_embeddings": 131072,
          "mlp_bias": false,
          "model_type": "llama",
          "num_attention_heads": 4,
          "num_hidden_layers": 2,
          "num_key_value_heads": 2,
          "rms_norm_eps": 1e-05,
          "rope_scaling": {
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3"
          },
          "rope_theta": 500000.0,
          "tie_word_embeddings": true,
          "torch_dtype": "bfloat16",
          "vocab_size": 11
        }
        """);
    Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": 2}");
    return new Path[] {directory.resolve("config.json")};
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    HuggingFaceConfig config = HuggingFaceConfig.read(directory);
    DecoderConfig decoder = config.toDecoderConfig();
    JsonNode file = new ObjectMapper().readTree(directory.resolve("config.json").toFile());
    assertEquals(file.get("vocab_size").doubleValue(), decoder.vocabularySize());
    assertEquals(file.get("hidden_size").doubleValue(), decoder.hiddenSize());
    assertEquals(file.get("intermediate_size").doubleValue(), decoder.intermediateSize());
    assertEquals(file.get("num_hidden_layers").doubleValue(), decoder.layers());
    assertEquals(file.get("num_attention_heads").doubleValue(), decoder.heads());
    Map<String, ?> written =
        new ObjectMapper()
            .convertValue(config.toJson(TensorType.BF16), new TypeReference<Map<String, ?>>() {});
    assertEquals(decoder, HuggingFaceConfig.of("written", written).toDecoderConfig());
  }
}
