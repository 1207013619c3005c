package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;

/**
 * A token that is found in a text before the tokenizer's model sees the text.
 *
 * @param content as it stands in a text
 * @param lstrip whether it takes the white space before it along
 * @param rstrip whether it takes the white space after it along
 * @param singleWord whether it must stand alone between words
 * @param normalized whether it is looked for in the normalized text
 * @param special whether decoding may leave it out
 */
record AddedToken(
    String content,
    boolean lstrip,
    boolean rstrip,
    boolean singleWord,
    boolean normalized,
    boolean special) {

  /** Returns the special token that is given by its text alone. */
  static AddedToken special(String content) {
    return new AddedToken(content, false, false, false, false, true);
  }

  /** Returns the token of an object in one of the tokenizer's files. */
  static AddedToken of(JsonNode json, boolean special) {
    return new AddedToken(
        json.path("content").asText(),
        json.path("lstrip").asBoolean(),
        json.path("rstrip").asBoolean(),
        json.path("single_word").asBoolean(),
        json.path("normalized").asBoolean(!special),
        special);
  }

  /** Returns the entry of tokenizer.json's added_tokens. */
  ObjectNode toJson(int id) {
    return JsonFields.MAPPER
        .createObjectNode()
        .put("id", id)
        .put("content", content)
        .put("single_word", singleWord)
        .put("lstrip", lstrip)
        .put("rstrip", rstrip)
        .put("normalized", normalized)
        .put("special", special);
  }
}
