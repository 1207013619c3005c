package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tokens of a tokenizer.json, and those that other files add to them. Merges, which take most
 * of the file, are skipped.
 */
final class TokenizerVocabulary {
  private final Path file;
  private final Map<String, Integer> modelIds = new HashMap<>();
  private final Map<String, Integer> addedIds = new HashMap<>();
  private final Map<String, AddedToken> added = new LinkedHashMap<>();
  private int size;
  private int addedSize; // one more than the largest added id
  private String modelType = "";
  private boolean byteLevel;

  private TokenizerVocabulary(Path file) {
    this.file = file;
  }

  /**
   * Reads a tokenizer.json.
   *
   * @throws IllegalArgumentException if it is not what it should be
   * @throws IOException if it cannot be read
   */
  static TokenizerVocabulary read(Path file) throws IOException {
    var vocabulary = new TokenizerVocabulary(file);
    try (JsonParser parser = JsonFields.MAPPER.createParser(file.toFile())) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "added_tokens" -> vocabulary.readAddedTokens(parser);
          case "model" -> vocabulary.readModel(parser);
          case "pre_tokenizer", "post_processor", "decoder" -> vocabulary.readStep(parser);
          default -> parser.skipChildren();
        }
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          file + ": not valid JSON: " + SafetensorsException.printable(e.getOriginalMessage()), e);
    }
    if (vocabulary.size == 0) {
      throw new IllegalArgumentException(file + ": model.vocab is missing or empty");
    }
    return vocabulary;
  }

  private void readAddedTokens(JsonParser parser) throws IOException {
    for (JsonNode token : (JsonNode) JsonFields.MAPPER.readTree(parser)) {
      AddedToken read = AddedToken.of(token, token.path("special").asBoolean());
      putAdded(read.content(), token.path("id").asInt(-1));
      added.put(read.content(), read);
    }
  }

  private void readModel(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      if (key.equals("type") && value == JsonToken.VALUE_STRING) {
        modelType = parser.getText();
      } else if (key.equals("vocab") && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String token = parser.currentName();
          parser.nextToken();
          put(modelIds, token, parser.getValueAsInt(-1));
        }
      } else if (key.equals("vocab") && value == JsonToken.START_ARRAY) {
        readPieces(parser);
      } else {
        parser.skipChildren();
      }
    }
  }

  /** A unigram model lists [piece, score]; the id is the place. */
  private void readPieces(JsonParser parser) throws IOException {
    for (int id = 0; parser.nextToken() != JsonToken.END_ARRAY; id++) {
      JsonNode piece = JsonFields.MAPPER.readTree(parser);
      put(modelIds, piece.path(0).asText(), id);
    }
  }

  private void readStep(JsonParser parser) throws IOException {
    JsonNode step = JsonFields.MAPPER.readTree(parser);
    byteLevel |= step.findValuesAsText("type").contains("ByteLevel");
  }

  private void put(Map<String, Integer> ids, String token, int id) {
    if (id < 0 || id == Integer.MAX_VALUE) {
      throw new IllegalArgumentException(file + ": a token's id is not a number from 0 on");
    }
    ids.put(token, id);
    size = Math.max(size, id + 1);
  }

  private void putAdded(String token, int id) {
    put(addedIds, token, id);
    addedSize = Math.max(addedSize, id + 1);
  }

  /**
   * Adds a token, or gives the one of this text other properties. As in the tokenizers library, a
   * new one gets the id after the last, whatever id another file has for it.
   */
  void add(AddedToken token) {
    String content = token.content();
    if (content.isEmpty()) {
      return;
    }
    if (id(content) == null) {
      putAdded(content, Math.max(addedSize, modelIds.size()));
    }
    added.put(content, token);
  }

  /** Returns the id of the token of this text, or null. */
  Integer id(String token) {
    Integer id = addedIds.get(token);
    return id == null ? modelIds.get(token) : id;
  }

  /** Returns the text of a token. */
  Optional<String> token(int id) {
    return Stream.of(addedIds, modelIds)
        .flatMap(ids -> ids.entrySet().stream())
        .filter(entry -> entry.getValue() == id)
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** Returns whether a token is an added one that is special. */
  boolean isSpecial(int id) {
    return token(id).map(added::get).map(AddedToken::special).orElse(false);
  }

  /** Returns whether the tokenizer's model has the token of this text, added or not. */
  boolean isOfModel(String token) {
    return modelIds.containsKey(token);
  }

  /** Returns the added tokens by their text. */
  Map<String, AddedToken> added() {
    return Collections.unmodifiableMap(added);
  }

  /** Returns the number of ids, which is one more than the largest. */
  int size() {
    return size;
  }

  boolean isBpe() {
    return modelType.equals("BPE");
  }

  boolean isByteLevel() {
    return byteLevel;
  }
}
