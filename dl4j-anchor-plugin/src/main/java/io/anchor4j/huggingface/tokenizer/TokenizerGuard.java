package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Refuses a tokenizer.json that the tokenizers library does not survive. Where its Rust code
 * panics, the process ends: version 0.21 does on JSON that it cannot read inside a decoder, with a
 * number beyond a double, half of a surrogate pair, or nested 128 deep.
 */
final class TokenizerGuard {
  /**
   * The library takes time with the square of an added token's length: 2 s for 4,096 characters.
   */
  private static final int LONGEST_TOKEN = 1_000;

  /** Those in use have 5; at 4,096 brackets the library runs out of stack and the process ends. */
  private static final int DEEPEST_REGEX = 100;

  private TokenizerGuard() {}

  /**
   * Checks what is to be handed to the library.
   *
   * @throws IllegalArgumentException if it would end the process; the message says why
   * @throws IOException if it is not JSON, or nested too deep
   */
  static void check(byte[] json) throws IOException {
    try (JsonParser parser = JsonFields.MAPPER.createParser(json)) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token.isNumeric() && Double.isInfinite(parser.getDoubleValue())) {
          throw new IllegalArgumentException("a number is too large: " + parser.getText());
        }
        if (token == JsonToken.VALUE_STRING) {
          checkText(parser.currentName(), parser.getText());
        }
      }
    }
    try (JsonParser parser = JsonFields.MAPPER.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean processor = parser.currentName().equals("post_processor");
        parser.nextToken();
        if (processor) {
          JsonNode steps = JsonFields.MAPPER.readTree(parser);
          steps.findParents("single").forEach(TokenizerGuard::checkTemplate);
        } else {
          parser.skipChildren();
        }
      }
    }
  }

  private static void checkTemplate(JsonNode template) {
    for (JsonNode token : template.findValues("SpecialToken")) {
      if (!template.path("special_tokens").has(token.path("id").asText())) {
        throw new IllegalArgumentException(
            "post_processor puts in a token that its special_tokens lack: " + token.path("id"));
      }
    }
  }

  private static void checkText(String key, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException("a text holds half of a surrogate pair");
    }
    if ("content".equals(key) && text.length() > LONGEST_TOKEN) {
      throw new IllegalArgumentException(
          "an added token has %d characters, the most is %d"
              .formatted(text.length(), LONGEST_TOKEN));
    }
    if ("Regex".equals(key) && depth(text) > DEEPEST_REGEX) {
      throw new IllegalArgumentException(
          "a regular expression is nested over " + DEEPEST_REGEX + " deep");
    }
  }

  /** Escaped brackets count too: far from the limit in any pattern in use. */
  private static int depth(String regex) {
    int depth = 0;
    int deepest = 0;
    for (int i = 0; i < regex.length(); i++) {
      switch (regex.charAt(i)) {
        case '(', '[' -> deepest = Math.max(deepest, ++depth);
        case ')', ']' -> depth = Math.max(0, depth - 1);
        default -> {}
      }
    }
    return deepest;
  }
}
