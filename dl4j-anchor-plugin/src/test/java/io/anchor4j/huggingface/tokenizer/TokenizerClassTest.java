package io.anchor4j.huggingface.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every model_type with every class, against transformers: make_tokenizer_class_goldens.py. */
class TokenizerClassTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizer-classes");

  @TempDir Path directory;

  @Test
  void theStepsAreThoseOfTheClassThatTransformersTakes() throws IOException {
    JsonNode expected = JsonFields.MAPPER.readTree(GOLDEN.resolve("expected.json").toFile());
    assertEquals(242, expected.get("rows").size());
    assertEquals(15, expected.get("results").size());
    for (JsonNode row : expected.get("rows")) {
      Files.copy(
          GOLDEN.resolve(row.get("tokenizer").asText() + ".json"),
          directory.resolve("tokenizer.json"),
          StandardCopyOption.REPLACE_EXISTING);
      for (String file : new String[] {"tokenizer_config.json", "config.json"}) {
        Files.writeString(directory.resolve(file), row.get(file).toString());
      }
      JsonNode result = expected.get("results").get(row.get("result").asInt());
      assertEquals(result, result(expected.get("texts")), row.toString());
    }
  }

  private ObjectNode result(JsonNode texts) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      ObjectNode result = JsonFields.MAPPER.createObjectNode().put("size", tokenizer.size());
      put(result, "bos", tokenizer.beginId());
      put(result, "eos", tokenizer.endId());
      put(result, "pad", tokenizer.padId());
      ArrayNode ids = result.putArray("ids");
      ArrayNode decoded = result.putArray("decoded");
      for (JsonNode text : texts) {
        int[] encoded = tokenizer.encodeWithSpecialTokens(text.asText());
        ArrayNode row = ids.addArray();
        for (int id : encoded) {
          row.add(id);
        }
        decoded.add(tokenizer.decode(encoded));
      }
      return result;
    }
  }

  private static void put(ObjectNode json, String key, OptionalInt id) {
    json.set(key, id.isPresent() ? json.numberNode(id.getAsInt()) : json.nullNode());
  }
}
