package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;

/**
 * What the files around a tokenizer say that the tokenizer itself does not: tokens that were added
 * to it, and which of them begin, end and pad.
 *
 * <p>The rules are those of transformers 5. tokenizer_config.json names the special tokens and
 * lists the added ones in {@code added_tokens_decoder}; only where that list is missing do
 * special_tokens_map.json, which then wins, and added_tokens.json count. A special token that has
 * no name there has its id from generation_config.json or config.json; but a {@code bos_token} of
 * null says that there is none. {@code add_bos_token} and {@code add_eos_token} are not read: with
 * a tokenizer.json, its post-processor decides.
 */
final class TokenizerFiles {
  private static final List<String> NAMED =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  private final Path directory;
  private final TokenizerVocabulary vocabulary;
  private final JsonFields config;
  private final TokenizerClass tokenizerClass;

  private TokenizerFiles(
      Path directory,
      TokenizerVocabulary vocabulary,
      JsonFields config,
      TokenizerClass tokenizerClass) {
    this.directory = directory;
    this.vocabulary = vocabulary;
    this.config = config;
    this.tokenizerClass = tokenizerClass;
  }

  /**
   * Reads the files in {@code directory}.
   *
   * @throws IllegalArgumentException if one is not what it should be
   * @throws IOException if one cannot be read
   */
  static TokenizerFiles read(Path directory) throws IOException {
    TokenizerVocabulary vocabulary =
        TokenizerVocabulary.read(directory.resolve(TokenizerDirectory.TOKENIZER));
    JsonFields config = optional(directory.resolve("tokenizer_config.json"));
    Map<Integer, AddedToken> listed = new TreeMap<>();
    JsonFields decoder = config.objectOrNull("added_tokens_decoder");
    if (decoder != null) {
      decoder
          .json()
          .properties()
          .forEach(
              token ->
                  listed.put(
                      listedId(decoder, token.getKey()),
                      AddedToken.of(
                          token.getValue(), token.getValue().path("special").asBoolean())));
    } else {
      ObjectNode merged = config.json().deepCopy();
      merged.setAll(optional(directory.resolve("special_tokens_map.json")).json());
      config = new JsonFields(config.source(), merged);
      Set<String> special = new LinkedHashSet<>();
      NAMED.forEach(name -> special.add(content(merged.path(name))));
      extra(merged).forEach(token -> special.add(content(token)));
      JsonFields added = optional(directory.resolve("added_tokens.json"));
      for (Map.Entry<String, JsonNode> token : added.json().properties()) {
        boolean isSpecial = special.contains(token.getKey());
        listed.put(
            added.requireInt(token.getKey(), 0),
            new AddedToken(token.getKey(), false, false, false, !isSpecial, isSpecial));
      }
    }
    listed.values().forEach(vocabulary::add);
    JsonFields model = optional(directory.resolve(HuggingFaceConfig.FILE));
    String key = "tokenizer_class";
    TokenizerClass tokenizerClass =
        TokenizerClass.of(
            config.textOr(key, model.textOr(key, "")), model.textOr("model_type", ""), vocabulary);
    ObjectNode json = config.json();
    tokenizerClass
        .specialTokens()
        .forEach((name, token) -> json.putIfAbsent(name, TextNode.valueOf(token)));
    NAMED.forEach(name -> addSpecial(vocabulary, json.path(name)));
    extra(json).forEach(token -> addSpecial(vocabulary, token));
    return new TokenizerFiles(directory, vocabulary, config, tokenizerClass);
  }

  private static int listedId(JsonFields decoder, String key) {
    try {
      return Integer.parseInt(key);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          decoder.source()
              + ": a key must be a token id, got \""
              + SafetensorsException.printable(key)
              + "\"",
          e);
    }
  }

  /** The further special tokens, under the name of transformers 5 or the older one. */
  private static JsonNode extra(JsonNode config) {
    JsonNode extra = config.path("extra_special_tokens");
    return extra.isEmpty() ? config.path("additional_special_tokens") : extra;
  }

  private static void addSpecial(TokenizerVocabulary vocabulary, JsonNode token) {
    String content = content(token);
    if (!vocabulary.added().containsKey(content)) {
      vocabulary.add(token.isObject() ? AddedToken.of(token, true) : AddedToken.special(content));
    }
  }

  /** Returns the text of a token that stands as a text or an object; empty for none. */
  private static String content(JsonNode token) {
    return token.isObject()
        ? token.path("content").asText()
        : token.textValue() == null ? "" : token.textValue();
  }

  private static JsonFields optional(Path file) throws IOException {
    return Files.isRegularFile(file)
        ? JsonFields.read(file)
        : new JsonFields(file.toString(), JsonFields.MAPPER.createObjectNode());
  }

  /** Returns tokenizer.json. */
  Path file() {
    return directory.resolve(TokenizerDirectory.TOKENIZER);
  }

  /** Returns tokenizer.json and all that transformers adds to it. */
  TokenizerVocabulary vocabulary() {
    return vocabulary;
  }

  /** Returns tokenizer_config.json, with special_tokens_map.json where that counts. */
  JsonFields config() {
    return config;
  }

  /** Returns the text of each special token that has a name, by its name. */
  Map<String, String> specialTokens() {
    Map<String, String> tokens = new LinkedHashMap<>();
    for (String name : NAMED) {
      String content = content(config.json().path(name));
      if (!content.isEmpty()) {
        tokens.put(name, content);
      }
    }
    return tokens;
  }

  /** Returns the class of transformers whose steps the tokenizer runs. */
  TokenizerClass tokenizerClass() {
    return tokenizerClass;
  }

  /** Returns the id of the token of this text, if there is one. */
  OptionalInt id(String token) {
    Integer id = vocabulary.id(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  OptionalInt beginId() throws IOException {
    // Qwen has no such token, but its config.json has an id.
    return config.json().path("bos_token").isNull()
        ? OptionalInt.empty()
        : first("bos_token", "bos_token_id");
  }

  OptionalInt padId() throws IOException {
    return first("pad_token", "pad_token_id");
  }

  OptionalInt endId() throws IOException {
    return first("eos_token", "eos_token_id");
  }

  private OptionalInt first(String name, String idKey) throws IOException {
    List<Integer> ids = new ArrayList<>();
    id(content(config.json().path(name))).ifPresent(ids::add);
    for (String file : new String[] {"generation_config.json", HuggingFaceConfig.FILE}) {
      ids.addAll(optional(directory.resolve(file)).tokenIds(idKey));
    }
    return ids.stream().mapToInt(Integer::intValue).findFirst();
  }
}
