package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.samples.cli.Anchor4j;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs of {@code generate}. */
final class GenerateCommand {
  private static final ObjectMapper JSON = new ObjectMapper();

  private GenerateCommand() {}

  static List<Object> command(Path model, Object... more) {
    List<Object> words = new ArrayList<>(List.of("generate", "--model", model));
    words.addAll(List.of(more));
    return words;
  }

  static Cli run(Path model, Object... more) {
    Cli run = Cli.run(command(model, more).toArray());
    assertEquals(0, run.code(), run.err());
    return run;
  }

  static int[] ids(String line) throws IOException {
    return JSON.treeToValue(JSON.readTree(line).get("ids"), int[].class);
  }

  static void assertRefused(String message, Path model, Object... more) {
    Cli run = Cli.run(command(model, more).toArray());
    assertEquals("anchor4j generate: " + message, run.err().strip());
    assertEquals(2, run.code());
    assertEquals("", run.out());
  }

  /** A model with random weights for the tokenizer of the demo: its text is noise, but text. */
  static Path modelWithTokenizer(Path directory) throws IOException {
    Path model = directory.resolve("words");
    if (!Files.exists(model)) {
      HuggingFaceConfig config =
          HuggingFaceConfig.of(
              "test",
              Map.of(
                  "model_type",
                  "llama",
                  "vocab_size",
                  2048,
                  "hidden_size",
                  16,
                  "intermediate_size",
                  24,
                  "num_hidden_layers",
                  1,
                  "num_attention_heads",
                  2,
                  "max_position_embeddings",
                  512,
                  "initializer_range",
                  0.8));
      HuggingFaceModel.save(Decoder.create(config.toDecoderConfig(), 4), config, model);
      for (String name : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
        try (InputStream file =
            Anchor4j.class.getResourceAsStream("/io/anchor4j/samples/tokenizer/" + name)) {
          Files.copy(file, model.resolve(name));
        }
      }
    }
    return model;
  }
}
