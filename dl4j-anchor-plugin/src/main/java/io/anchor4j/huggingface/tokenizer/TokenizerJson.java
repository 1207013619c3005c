package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;

/**
 * A tokenizer.json as transformers 5 would have it in memory: with the added tokens of the other
 * files, and with the steps that the tokenizer's class puts in place of the file's.
 */
final class TokenizerJson {
  private static final ObjectMapper JSON = JsonFields.MAPPER;

  /** What a class with steps of its own does not take from the file. */
  private static final Set<String> MODEL_OPTIONS =
      Set.of(
          "dropout",
          "unk_token",
          "continuing_subword_prefix",
          "end_of_word_suffix",
          "fuse_unk",
          "byte_fallback",
          "ignore_merges");

  /** Rows are cut and padded elsewhere. */
  private static final Set<String> IGNORED = Set.of("truncation", "padding");

  private TokenizerJson() {}

  /**
   * Returns the file with all added tokens.
   *
   * @param json tokenizer.json
   * @param literal whether special tokens are not to be found in a text
   */
  static byte[] with(byte[] json, TokenizerFiles files, boolean literal) throws IOException {
    ObjectNode steps = JSON.createObjectNode();
    TokenizerVocabulary vocabulary = files.vocabulary();
    ArrayNode added = steps.putArray("added_tokens");
    // By id: the library gives out ids in the order of the list.
    vocabulary.added().values().stream()
        .sorted(Comparator.comparing(token -> vocabulary.id(token.content())))
        .forEach(
            token -> {
              int id = vocabulary.id(token.content());
              if (!literal || !token.special()) {
                added.add(token.toJson(id));
              } else if (!vocabulary.isOfModel(token.content())) {
                // Something must hold its id; a noncharacter is in no text.
                added.add(AddedToken.special("\ufdd0" + id).toJson(id));
              }
            });
    TokenizerClass tokenizerClass = files.tokenizerClass();
    tokenizerClass.putSteps(steps, files.config());
    var out = new ByteArrayOutputStream(json.length + json.length / 8);
    try (JsonParser parser = JSON.createParser(json);
        JsonGenerator generator = JSON.createGenerator(out)) {
      parser.nextToken();
      generator.writeStartObject();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        if (steps.has(key) || IGNORED.contains(key)) {
          parser.nextToken();
          parser.skipChildren();
        } else if (key.equals("model") && tokenizerClass != TokenizerClass.OF_THE_FILE) {
          copyModel(parser, generator, tokenizerClass.modelOptions());
        } else {
          generator.copyCurrentStructureExact(parser);
        }
      }
      for (var step : steps.properties()) {
        generator.writeFieldName(step.getKey());
        generator.writeTree(step.getValue());
      }
      generator.writeEndObject();
    }
    return out.toByteArray();
  }

  private static void copyModel(
      JsonParser parser, JsonGenerator generator, Map<String, Boolean> options) throws IOException {
    generator.writeFieldName("model");
    parser.nextToken();
    generator.writeStartObject();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      if (MODEL_OPTIONS.contains(parser.currentName())) {
        parser.nextToken();
        parser.skipChildren();
      } else {
        generator.copyCurrentStructureExact(parser);
      }
    }
    for (var option : options.entrySet()) {
      generator.writeBooleanField(option.getKey(), option.getValue());
    }
    generator.writeEndObject();
  }
}
