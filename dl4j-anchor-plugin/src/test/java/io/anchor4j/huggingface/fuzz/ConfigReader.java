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
import java.util.List;
import java.util.Map;

/**
 * A config.json of each family, with windows, layer types and scalings among them, in both layouts.
 * Right is: the sizes that stand in the file, and the same decoder from what is written of it.
 */
final class ConfigReader implements Reader {
  private static final Path CONFIGS = Path.of("src/test/resources/configs");
  private static final List<String> FAMILIES =
      List.of("llama", "mistral", "qwen2", "qwen3", "smollm3");

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    Path[] files = new Path[FAMILIES.size()];
    for (int i = 0; i < files.length; i++) {
      Path model = Files.createDirectory(directory.resolve(FAMILIES.get(i)));
      files[i] = writeGoodFile(FAMILIES.get(i), model);
    }
    return files;
  }

  /** Writes the config.json of a family, and a generation_config.json beside it. */
  static Path writeGoodFile(String family, Path directory) throws IOException {
    Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": 2}");
    return Files.copy(CONFIGS.resolve(family + ".json"), directory.resolve("config.json"));
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    for (String family : FAMILIES) {
      readAndCompareOne(directory.resolve(family));
    }
  }

  private static void readAndCompareOne(Path directory) throws IOException {
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
