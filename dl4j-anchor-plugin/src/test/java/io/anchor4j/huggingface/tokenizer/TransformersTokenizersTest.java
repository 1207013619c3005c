package io.anchor4j.huggingface.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against what transformers made of the same directories: make_tokenizer_goldens.py. */
class TransformersTokenizersTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizers");

  @ParameterizedTest
  @ValueSource(
      strings = {"llama3", "qwen", "smollm", "llama2-old", "mistral", "unigram", "extended"})
  void idsAndTextAreThoseOfTransformers(String name) throws IOException {
    JsonNode expected =
        JsonFields.MAPPER.readTree(GOLDEN.resolve(name).resolve("expected.json").toFile());
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      assertEquals(expected.get("size").asInt(), tokenizer.size());
      assertEquals(id(expected.get("bos")), tokenizer.beginId());
      assertEquals(id(expected.get("eos")), tokenizer.endId());
      assertEquals(id(expected.get("pad")), tokenizer.padId());
      for (JsonNode row : expected.get("texts")) {
        String text = row.get("text").asText();
        assertArrayEquals(ids(row.get("ids")), tokenizer.encode(text), text);
        assertArrayEquals(
            ids(row.get("with_special_tokens")), tokenizer.encodeWithSpecialTokens(text), text);
        assertArrayEquals(ids(row.get("literal")), tokenizer.encodeLiterally(text), text);
        assertDecoded(tokenizer, row);
      }
      for (JsonNode row : expected.get("sequences")) {
        assertDecoded(tokenizer, row);
      }
    }
  }

  private static void assertDecoded(Tokenizer tokenizer, JsonNode row) {
    int[] ids = ids(row.get("ids"));
    assertEquals(row.get("decoded").asText(), tokenizer.decode(ids), row.toString());
    var streamed = new StringBuilder();
    TextStream stream = tokenizer.stream();
    for (int id : ids) {
      streamed.append(stream.add(id));
    }
    streamed.append(stream.end());
    String whole = tokenizer.decodeAsItIs(ids, /* skipSpecialTokens= */ true);
    if (whole.indexOf('\ufffd') < 0) {
      assertEquals(whole, streamed.toString(), row.toString());
    }
  }

  private static OptionalInt id(JsonNode value) {
    return value.isNull() ? OptionalInt.empty() : OptionalInt.of(value.asInt());
  }

  private static int[] ids(JsonNode value) {
    int[] ids = new int[value.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = value.get(i).asInt();
    }
    return ids;
  }
}
