package io.anchor4j.huggingface;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What the files around a tokenizer say that the tokenizer itself does not: how many ids there are,
 * and which of them begin, end and pad.
 *
 * <p>A special token is named in tokenizer_config.json or special_tokens_map.json, and its id
 * stands in tokenizer.json; or its id stands in generation_config.json or config.json. Files are
 * asked in this order, and the first answer counts.
 */
final class TokenizerFiles {
  static final String TOKENIZER = "tokenizer.json";

  private final int size;
  private final OptionalInt beginId;
  private final OptionalInt padId;
  private final Set<Integer> endIds;

  private TokenizerFiles(int size, OptionalInt beginId, OptionalInt padId, Set<Integer> endIds) {
    this.size = size;
    this.beginId = beginId;
    this.padId = padId;
    this.endIds = endIds;
  }

  /**
   * Reads the files in {@code directory}.
   *
   * @throws IllegalArgumentException if one is not what it should be
   * @throws IOException if one cannot be read
   */
  static TokenizerFiles read(Path directory) throws IOException {
    Vocabulary vocabulary = Vocabulary.read(directory.resolve(TOKENIZER));
    Set<Integer> endIds = new LinkedHashSet<>();
    OptionalInt[] first = {OptionalInt.empty(), OptionalInt.empty()};
    for (String file : new String[] {"tokenizer_config.json", "special_tokens_map.json"}) {
      JsonFields fields = optional(directory.resolve(file));
      first[0] = orElse(first[0], vocabulary.id(fields, "bos_token"));
      first[1] = orElse(first[1], vocabulary.id(fields, "pad_token"));
      vocabulary.id(fields, "eos_token").ifPresent(endIds::add);
    }
    for (String file : new String[] {"generation_config.json", HuggingFaceConfig.FILE}) {
      JsonFields fields = optional(directory.resolve(file));
      first[0] = orElse(first[0], ids(fields, "bos_token_id"));
      first[1] = orElse(first[1], ids(fields, "pad_token_id"));
      endIds.addAll(ids(fields, "eos_token_id"));
    }
    return new TokenizerFiles(
        vocabulary.size, first[0], first[1], Collections.unmodifiableSet(endIds));
  }

  private static JsonFields optional(Path file) throws IOException {
    return Files.isRegularFile(file)
        ? JsonFields.read(file)
        : new JsonFields(file.toString(), JsonFields.MAPPER.createObjectNode());
  }

  private static OptionalInt orElse(OptionalInt known, OptionalInt other) {
    return known.isPresent() ? known : other;
  }

  private static OptionalInt orElse(OptionalInt known, Set<Integer> others) {
    return known.isPresent() || others.isEmpty() ? known : OptionalInt.of(others.iterator().next());
  }

  /** Returns an id, or each of a list of ids. */
  private static Set<Integer> ids(JsonFields fields, String key) {
    Set<Integer> ids = new LinkedHashSet<>();
    JsonNode value = fields.json().path(key);
    for (JsonNode id : value.isArray() ? value : JsonFields.MAPPER.createArrayNode().add(value)) {
      if (id.isInt() && id.intValue() >= 0) {
        ids.add(id.intValue());
      } else if (!id.isNull() && !id.isMissingNode() && !(id.isInt() && id.intValue() == -1)) {
        throw fields.wrong(key, "a token id or a list of them");
      }
    }
    return ids;
  }

  int size() {
    return size;
  }

  OptionalInt beginId() {
    return beginId;
  }

  OptionalInt padId() {
    return padId;
  }

  /** Every id that ends a text; first the tokenizer's own. */
  Set<Integer> endIds() {
    return endIds;
  }

  /** Token to id, as tokenizer.json has it. Merges, which take most of the file, are skipped. */
  private static final class Vocabulary {
    private final Path file;
    private final Map<String, Integer> ids = new HashMap<>();
    private int size;

    private Vocabulary(Path file) {
      this.file = file;
    }

    static Vocabulary read(Path file) throws IOException {
      Vocabulary vocabulary = new Vocabulary(file);
      try (JsonParser parser = JsonFields.MAPPER.createParser(file.toFile())) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String key = parser.currentName();
          parser.nextToken();
          switch (key) {
            case "added_tokens" -> vocabulary.readAddedTokens(parser);
            case "model" -> vocabulary.readModel(parser);
            default -> parser.skipChildren();
          }
        }
      } catch (JsonProcessingException e) {
        throw new IllegalArgumentException(file + ": not valid JSON: " + e.getOriginalMessage(), e);
      }
      if (vocabulary.size == 0) {
        throw new IllegalArgumentException(file + ": model.vocab is missing or empty");
      }
      return vocabulary;
    }

    private void readAddedTokens(JsonParser parser) throws IOException {
      for (JsonNode token : (JsonNode) JsonFields.MAPPER.readTree(parser)) {
        put(token.path("content").asText(), token.path("id").asInt(-1));
      }
    }

    private void readModel(JsonParser parser) throws IOException {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean vocab = parser.currentName().equals("vocab");
        JsonToken value = parser.nextToken();
        if (vocab && value == JsonToken.START_OBJECT) {
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String token = parser.currentName();
            parser.nextToken();
            put(token, parser.getValueAsInt(-1));
          }
        } else if (vocab && value == JsonToken.START_ARRAY) {
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
        put(piece.path(0).asText(), id);
      }
    }

    private void put(String token, int id) {
      if (id < 0 || id == Integer.MAX_VALUE) {
        throw new IllegalArgumentException(file + ": a token's id is not a number from 0 on");
      }
      ids.put(token, id);
      size = Math.max(size, id + 1);
    }

    /** Returns the id of the token that {@code fields} has under {@code key}, if it has one. */
    OptionalInt id(JsonFields fields, String key) {
      JsonNode token = fields.json().path(key);
      Integer id = ids.get(token.isObject() ? token.path("content").asText() : token.asText());
      return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }
  }
}
