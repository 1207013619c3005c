package io.anchor4j.huggingface.fuzz;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes up steps of a tokenizer.json: each type that the tokenizers library has, in any order. */
final class StepMaker {
  private static final Map<String, List<String>> TYPES =
      Map.of(
          "normalizer",
          List.of(
              "NFC",
              "NFD",
              "NFKC",
              "NFKD",
              "Lowercase",
              "Replace",
              "Prepend",
              "Strip",
              "Nmt",
              "StripAccents",
              "BertNormalizer",
              "Precompiled",
              "ByteLevel"),
          "pre_tokenizer",
          List.of(
              "ByteLevel",
              "Digits",
              "Metaspace",
              "Punctuation",
              "Split",
              "Whitespace",
              "WhitespaceSplit",
              "BertPreTokenizer",
              "CharDelimiterSplit",
              "FixedLength",
              "UnicodeScripts"),
          "post_processor",
          List.of("ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing"),
          "decoder",
          List.of(
              "ByteLevel",
              "ByteFallback",
              "Fuse",
              "Metaspace",
              "Replace",
              "Strip",
              "BPEDecoder",
              "WordPiece",
              "CTC"));

  private static final Map<String, String> PARTS =
      Map.of(
          "normalizer", "normalizers",
          "pre_tokenizer", "pretokenizers",
          "post_processor", "processors",
          "decoder", "decoders");

  private static final List<String> TEXTS =
      List.of("", " ", "\u2581", "a", "he", "\u00e4", "\n", "x\u0301", "\ud83d\ude00", "<s>");

  private static final List<String> REGEXES =
      List.of(
          " {2,}",
          "\\s+",
          " ?",
          "",
          "^",
          "$",
          "\\b",
          "(?=h)",
          "(?=he\\K)",
          "(h|e)*",
          "h*",
          "[^\\s]+",
          "\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+|.",
          "(?i:'s|'t)|[\\r\\n]*",
          "(?:\\d{3})+$",
          "(a+)+b");

  private static final List<String> BEHAVIORS =
      List.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");

  private final Random random;

  StepMaker(Random random) {
    this.random = random;
  }

  /**
   * Puts other steps in one to four places, and other properties on an added token or the model.
   */
  void change(ObjectNode json) {
    List<String> stages = List.copyOf(TYPES.keySet().stream().sorted().toList());
    for (int i = random.nextInt(1, 5); i > 0; i--) {
      String stage = stages.get(random.nextInt(stages.size()));
      fill(json.putObject(stage), stage, 2);
    }
    if (random.nextBoolean()) {
      for (var token : json.withArray("added_tokens")) {
        ObjectNode flags = (ObjectNode) token;
        for (String flag : List.of("lstrip", "rstrip", "single_word", "normalized", "special")) {
          flags.put(flag, random.nextBoolean());
        }
        if (random.nextInt(3) == 0) {
          flags.put("content", any(TEXTS));
        }
      }
    }
    if (random.nextInt(4) == 0) {
      ObjectNode model = json.withObject("/model");
      for (String flag : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
        model.put(flag, random.nextBoolean());
      }
      for (String text : List.of("unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
        if (random.nextInt(3) == 0) {
          model.put(text, any(TEXTS));
        }
      }
    }
  }

  private void fill(ObjectNode step, String stage, int depth) {
    if (depth > 0 && random.nextInt(3) > 0) {
      ArrayNode parts = step.put("type", "Sequence").putArray(PARTS.get(stage));
      for (int i = random.nextInt(4); i > 0; i--) {
        fill(parts.addObject(), stage, depth - 1);
      }
      return;
    }
    step.put("type", any(TYPES.get(stage)));
    // What a type does not have it passes over.
    for (String flag :
        List.of(
            "use_regex",
            "trim_offsets",
            "add_prefix_space",
            "invert",
            "individual_digits",
            "split",
            "clean_text",
            "lowercase",
            "cleanup",
            "strip_left",
            "strip_right")) {
      step.put(flag, random.nextBoolean());
    }
    for (String text :
        List.of("prepend", "content", "suffix", "prefix", "pad_token", "delimiter")) {
      step.put(text, any(TEXTS));
    }
    boolean regex = random.nextBoolean();
    step.putObject("pattern").put(regex ? "Regex" : "String", any(regex ? REGEXES : TEXTS));
    step.put("behavior", any(BEHAVIORS));
    step.put("replacement", any(List.of("\u2581", " ", "h")));
    boolean prefix = step.path("add_prefix_space").asBoolean();
    step.put("prepend_scheme", prefix ? any(List.of("first", "always")) : "never");
    for (String count : List.of("start", "stop", "length")) {
      step.put(count, any(List.of(0, 0, 1, 2, 1_000_000)));
    }
    for (String pair : List.of("sep", "cls")) {
      step.putArray(pair).add("<s>").add(257);
    }
    fillTemplate(step);
  }

  private void fillTemplate(ObjectNode step) {
    for (String key : List.of("single", "pair")) {
      ArrayNode pieces = step.putArray(key);
      for (int i = random.nextInt(1, 4); i > 0; i--) {
        boolean text = random.nextBoolean();
        pieces
            .addObject()
            .putObject(text ? "Sequence" : "SpecialToken")
            .put("id", text ? any(List.of("A", "A", "A", "B")) : any(List.of("<s>", "</s>")))
            .put("type_id", 0);
      }
    }
    ObjectNode token = step.putObject("special_tokens").putObject("<s>").put("id", "<s>");
    token.putArray("ids").add(257);
    token.putArray("tokens").add("<s>");
  }

  private <T> T any(List<T> values) {
    return values.get(random.nextInt(values.size()));
  }
}
