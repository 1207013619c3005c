package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Map;
import java.util.Set;

/**
 * The steps of a tokenizer.json (normalizer, pre_tokenizer, post_processor, decoder) that the
 * tokenizers library gets to run: a closed list, of which version 0.21.4's source was read to say
 * that no text makes them panic. Others are refused by name.
 *
 * <p>What most panics have in common: the library keeps for each byte of the text where in the
 * original it stems from, and the steps trust that a text's first byte stems from somewhere. A
 * replacement of nothing, or a prepended nothing, at the beginning makes a byte that stems from
 * nowhere, and the next step, which finds the text by its original, counts beyond its end. Steps
 * that can delete all of a text leave added tokens without text, which then are found between the
 * bytes of a character.
 */
final class TokenizerSteps {
  private static final Map<String, Set<String>> TYPES =
      Map.of(
          "normalizer",
          Set.of("Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Replace", "Prepend"),
          "pre_tokenizer",
          Set.of(
              "Sequence",
              "ByteLevel",
              "Digits",
              "Metaspace",
              "Punctuation",
              "Split",
              "Whitespace",
              "WhitespaceSplit"),
          "post_processor",
          Set.of("Sequence", "ByteLevel", "TemplateProcessing"),
          "decoder",
          Set.of("Sequence", "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip"));

  /** What a Sequence calls its steps. */
  private static final Map<String, String> PARTS =
      Map.of(
          "normalizer", "normalizers",
          "pre_tokenizer", "pretokenizers",
          "post_processor", "processors",
          "decoder", "decoders");

  /** Those of models in use; of others it is hard to say whether they match nothing at all. */
  private static final Set<String> REPLACED = Set.of(" {2,}", "\\s+");

  private TokenizerSteps() {}

  /** Returns whether a key of tokenizer.json holds steps. */
  static boolean isStage(String key) {
    return TYPES.containsKey(key);
  }

  /**
   * Checks the steps of a stage.
   *
   * @throws IllegalArgumentException if one is not of the list; the message names stage and step
   */
  static void check(String stage, JsonNode step) {
    if (step.isNull()) {
      return;
    }
    String type = step.path("type").asText();
    if (!TYPES.get(stage).contains(type)) {
      throw new IllegalArgumentException(
          "a %s of the type %s is not supported, only %s"
              .formatted(
                  stage,
                  JsonFields.shown(step.path("type")),
                  String.join(", ", TYPES.get(stage).stream().sorted().toList())));
    }
    switch (type) {
      case "Sequence" -> step.path(PARTS.get(stage)).forEach(part -> check(stage, part));
      case "Prepend" -> require(!step.path("prepend").asText().isEmpty(), stage, step);
      case "Replace" -> {
        JsonNode pattern = step.path("pattern");
        require(
            pattern.has("Regex")
                ? REPLACED.contains(pattern.path("Regex").asText())
                : !pattern.path("String").asText().isEmpty(),
            stage,
            step);
        require(stage.equals("decoder") || !step.path("content").asText().isEmpty(), stage, step);
      }
      case "Split" -> {
        JsonNode pattern = step.path("pattern");
        if (pattern.has("Regex")) {
          SplitPattern.check(pattern.path("Regex").asText());
        }
      }
      // At the end of a text it cuts before the beginning where all is to be stripped.
      case "Strip" -> require(step.path("stop").asDouble() == 0, stage, step);
      case "TemplateProcessing" -> checkTemplate(step);
      default -> {}
    }
    require(!stage.equals("post_processor") || count(step, "TemplateProcessing") < 2, stage, step);
  }

  /** A second template counts the parts of the first as texts. */
  private static long count(JsonNode step, String type) {
    return step.findValuesAsText("type").stream().filter(type::equals).count();
  }

  private static void checkTemplate(JsonNode template) {
    JsonNode known = template.path("special_tokens");
    for (JsonNode token : template.findValues("SpecialToken")) {
      if (!known.has(token.path("id").asText())) {
        throw new IllegalArgumentException(
            "post_processor puts in a token that its special_tokens lack: " + token.path("id"));
      }
    }
    for (JsonNode token : known) {
      require(token.path("ids").size() == token.path("tokens").size(), "post_processor", token);
    }
    int texts = 0;
    for (JsonNode piece : template.path("single")) {
      require(!piece.at("/Sequence/id").asText().equals("B"), "post_processor", piece);
      texts += piece.has("Sequence") ? 1 : 0;
    }
    require(texts == 1, "post_processor", template.path("single"));
  }

  private static void require(boolean supported, String stage, JsonNode step) {
    if (!supported) {
      throw new IllegalArgumentException(
          "a %s like this is not supported: %s".formatted(stage, JsonFields.shown(step)));
    }
  }
}
