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
import java.util.Set;

/**
 * A tokenizer.json as transformers 5 would have it in memory: with the added tokens of the other
 * files, and for the class LlamaTokenizer with the steps that class puts in place of the file's.
 */
final class TokenizerJson {
  private static final ObjectMapper JSON = JsonFields.MAPPER;

  /** What LlamaTokenizer does not take from the file. */
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
    boolean llama = isLlama(files);
    if (llama) {
      putLlamaSteps(steps, files.config());
    }
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
        } else if (key.equals("model") && llama) {
          copyLlamaModel(parser, generator);
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

  /** A file of bytes under this class, as Llama 3's derivatives have it, is taken as it is. */
  private static boolean isLlama(TokenizerFiles files) throws IOException {
    String name = files.config().textOr("tokenizer_class", "");
    return (name.equals("LlamaTokenizer") || name.equals("LlamaTokenizerFast"))
        && Set.of("", "llama").contains(files.modelType())
        && files.vocabulary().isBpe()
        && !files.vocabulary().isByteLevel();
  }

  /** A space before a text (of old, before each text between special tokens) unless it has one. */
  private static void putLlamaSteps(ObjectNode steps, JsonFields config) {
    boolean prefix = config.booleanOr("add_prefix_space", true);
    String scheme = config.booleanOr("legacy", false) ? "always" : "first";
    steps.putNull("normalizer");
    steps
        .putObject("pre_tokenizer")
        .put("type", "Metaspace")
        .put("replacement", "\u2581")
        .put("prepend_scheme", prefix ? scheme : "never")
        .put("split", false);
    ArrayNode decoders = steps.putObject("decoder").put("type", "Sequence").putArray("decoders");
    ObjectNode space = decoders.addObject().put("type", "Replace");
    space.putObject("pattern").put("String", "\u2581");
    space.put("content", " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
  }

  private static void copyLlamaModel(JsonParser parser, JsonGenerator generator)
      throws IOException {
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
    generator.writeBooleanField("fuse_unk", true);
    generator.writeBooleanField("byte_fallback", true);
    generator.writeEndObject();
  }
}
