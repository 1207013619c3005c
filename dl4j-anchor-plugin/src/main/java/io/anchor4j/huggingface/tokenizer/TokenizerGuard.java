package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Refuses a tokenizer.json that the tokenizers library does not survive. Where its Rust code
 * panics, the process ends: version 0.21 does on JSON that it cannot read inside a decoder, with a
 * number beyond a double, half of a surrogate pair, or nested 128 deep. {@link TokenizerSteps} says
 * what it is given to run.
 */
final class TokenizerGuard {
  /**
   * The library takes time with the square of an added token's length: 2 s for 4,096 characters.
   */
  private static final int LONGEST_TOKEN = 1_000;

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
    checkParts(json);
  }

  private static void checkParts(byte[] json) throws IOException {
    boolean normalizes = false;
    List<JsonNode> added = new ArrayList<>();
    try (JsonParser parser = JsonFields.MAPPER.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        if (TokenizerSteps.isStage(key)) {
          JsonNode step = JsonFields.MAPPER.readTree(parser);
          TokenizerSteps.check(key, step);
          normalizes |= key.equals("normalizer") && !step.isNull();
        } else if (key.equals("added_tokens")) {
          ((JsonNode) JsonFields.MAPPER.readTree(parser)).forEach(added::add);
        } else {
          parser.skipChildren();
        }
      }
    }
    for (JsonNode token : added) {
      checkAdded(token, normalizes);
    }
  }

  /**
   * A token that takes the white space before it along, and is white space itself, may begin behind
   * its own end: where the token before took that space along.
   */
  private static void checkAdded(JsonNode token, boolean normalizes) {
    boolean blank =
        token.path("content").asText().chars().allMatch(LibraryTokenizer::isSpace)
            || (normalizes && token.path("normalized").asBoolean());
    if (token.path("lstrip").asBoolean() && blank) {
      throw new IllegalArgumentException(
          "an added token with lstrip must not be white space, nor normalized where there is a"
              + " normalizer, got "
              + JsonFields.shown(token.path("content")));
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
    if ("continuing_subword_prefix".equals(key) && !text.isEmpty()) {
      // Cut off from each merge's second half without a look at whether it is there.
      throw new IllegalArgumentException("a continuing_subword_prefix is not supported");
    }
  }
}
