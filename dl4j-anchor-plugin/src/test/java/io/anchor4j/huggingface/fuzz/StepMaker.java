package io.anchor4j.huggingface.fuzz;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes up steps of a tokenizer.json: each type that the tokenizers library has, in any order. */
final class StepMaker {
  /** What decoders in use have: nine in ten. */
  private static final Map<String, List<String>> USUAL =
      Map.of(
          "normalizer",
          List.of("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Replace", "Prepend"),
          "pre_tokenizer",
          List.of(
              "ByteLevel",
              "Digits",
              "Metaspace",
              "Punctuation",
              "Split",
              "Whitespace",
              "WhitespaceSplit"),
          "post_processor",
          List.of("ByteLevel", "TemplateProcessing"),
          "decoder",
          List.of("ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip"));

  private static final Map<String, List<String>> OTHERS =
      Map.of(
          "normalizer",
          List.of("Strip", "Nmt", "StripAccents", "BertNormalizer", "Precompiled", "ByteLevel"),
          "pre_tokenizer",
          List.of("BertPreTokenizer", "CharDelimiterSplit", "FixedLength", "UnicodeScripts"),
          "post_processor",
          List.of("BertProcessing", "RobertaProcessing"),
          "decoder",
          List.of("BPEDecoder", "WordPiece", "CTC"));

  private static final Map<String, String> PARTS =
      Map.of(
          "normalizer", "normalizers",
          "pre_tokenizer", "pretokenizers",
          "post_processor", "processors",
          "decoder", "decoders");

  private static final List<String> TEXTS =
      List.of("", " ", "\u2581", "a", "he", "\u00e4", "\n", "x\u0301", "\ud83d\ude00", "<s>");

  /** Those that match nothing at all among them. */
  private static final List<String> REGEXES =
      List.of(
          " {2,}",
          "\\s+",
          " {2,}",
          "\\s+",
          " ?",
          "^",
          "$",
          "\\b",
          "(?=h)",
          "(?!h)",
          "h*",
          "[^\\s]+|",
          "\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+|.",
          "(?i:'s|'t)|[\\r\\n]*",
          "(?:\\d{3})+$",
          "(?=he\\K)",
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
    List<String> stages = USUAL.keySet().stream().sorted().toList();
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
    step.put("type", any((random.nextInt(10) > 0 ? USUAL : OTHERS).get(stage)));
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
      step.put(count, any(List.of(0, 0, 0, 0, 0, 1, 2, 1_000_000)));
    }
    for (String pair : List.of("sep", "cls")) {
      step.putArray(pair).add("<s>").add(257);
    }
    fillTemplate(step);
  }

  private void fillTemplate(ObjectNode step) {
    for (String key : List.of("single", "pair")) {
      ArrayNode pieces = step.putArray(key);
      for (String id :
          any(List.of("<s> A", "A </s>", "A", "<s> A <s>", "A A", "B", "<s>")).split(" ", -1)) {
        boolean token = id.startsWith("<");
        ObjectNode piece = pieces.addObject().putObject(token ? "SpecialToken" : "Sequence");
        piece.put("id", id).put("type_id", 0);
      }
    }
    ObjectNode tokens = step.putObject("special_tokens");
    for (String id : any(List.of("<s> </s>", "<s> </s>", "<s>")).split(" ", -1)) {
      ObjectNode token = tokens.putObject(id).put("id", id);
      token.putArray("ids").add(257);
      token.putArray("tokens").add(id);
    }
  }

  private <T> T any(List<T> values) {
    return values.get(random.nextInt(values.size()));
  }
}
