package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.collect.ImmutableMap;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.Map;

/**
 * The classes of transformers that run steps of their own, whatever tokenizer.json says; of the
 * file they take the vocabulary, the merges, the added tokens and the post-processor.
 *
 * @see <a
 *     href="https://github.com/huggingface/transformers/blob/main/src/transformers/models/auto/tokenization_auto.py">AutoTokenizer.from_pretrained,
 *     which chooses the class</a>
 */
enum TokenizerClass {
  /** All others: the steps are those of the file. */
  OF_THE_FILE(ImmutableMap.of()),

  /** SentencePiece's BPE, with bytes for what it has no piece for. */
  LLAMA(ImmutableMap.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>")),

  /** Splits as GPT-4 does but for single digits, in composed characters. */
  QWEN2(
      ImmutableMap.of(
          "unk_token",
          "<|endoftext|>",
          "eos_token",
          "<|endoftext|>",
          "pad_token",
          "<|endoftext|>")),

  /** Splits as GPT-2 does. */
  GPT2(
      ImmutableMap.of(
          "unk_token",
          "<|endoftext|>",
          "bos_token",
          "<|endoftext|>",
          "eos_token",
          "<|endoftext|>"));

  private static final String QWEN2_PATTERN =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
          + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private final ImmutableMap<String, String> specialTokens;

  TokenizerClass(ImmutableMap<String, String> specialTokens) {
    this.specialTokens = specialTokens;
  }

  /**
   * Returns the class that transformers 5.23 takes.
   *
   * @param name {@code tokenizer_class} of tokenizer_config.json, else of config.json; else empty
   * @param modelType {@code model_type} of config.json; else empty
   */
  static TokenizerClass of(String name, String modelType, TokenizerVocabulary vocabulary) {
    boolean named = !name.isEmpty();
    if (!vocabulary.isBpe() || modelType.equals("mistral")) {
      return OF_THE_FILE;
    }
    if (modelType.equals("qwen2") || (modelType.equals("qwen3") && !named)) {
      return QWEN2;
    }
    return switch (name) {
      // A file of bytes under this class, as Llama 3's derivatives have it, is taken as it is.
      case "LlamaTokenizer", "LlamaTokenizerFast" -> vocabulary.isByteLevel() ? OF_THE_FILE : LLAMA;
      case "Qwen2Tokenizer", "Qwen2TokenizerFast" -> QWEN2;
      case "GPT2Tokenizer", "GPT2TokenizerFast" -> GPT2;
      default -> OF_THE_FILE;
    };
  }

  /** Returns the special tokens that the class has where no file names them. */
  ImmutableMap<String, String> specialTokens() {
    return specialTokens;
  }

  /** Returns the options of the model, all others left out. */
  Map<String, Boolean> modelOptions() {
    return this == LLAMA ? Map.of("fuse_unk", true, "byte_fallback", true) : Map.of();
  }

  /** Puts the class's steps into {@code json}, under the keys of tokenizer.json. */
  void putSteps(ObjectNode json, JsonFields config) {
    switch (this) {
      case LLAMA -> putLlamaSteps(json, config);
      case QWEN2 -> {
        json.putObject("normalizer").put("type", "NFC");
        ArrayNode steps =
            json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        ObjectNode split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", QWEN2_PATTERN);
        split.put("behavior", "Isolated").put("invert", false);
        putByteLevel(steps.addObject(), config, /* splits= */ false);
        putByteLevel(json.putObject("decoder"), config, /* splits= */ true);
      }
      case GPT2 -> {
        json.putNull("normalizer");
        putByteLevel(json.putObject("pre_tokenizer"), config, /* splits= */ true);
        putByteLevel(json.putObject("decoder"), config, /* splits= */ true);
      }
      case OF_THE_FILE -> {}
    }
  }

  private static void putByteLevel(ObjectNode step, JsonFields config, boolean splits) {
    step.put("type", "ByteLevel")
        .put("add_prefix_space", config.booleanOr("add_prefix_space", false))
        .put("trim_offsets", true)
        .put("use_regex", splits);
  }

  /** A space before a text (of old, before each text between special tokens) unless it has one. */
  private static void putLlamaSteps(ObjectNode json, JsonFields config) {
    boolean prefix = config.booleanOr("add_prefix_space", true);
    String scheme = config.booleanOr("legacy", false) ? "always" : "first";
    json.putNull("normalizer");
    json.putObject("pre_tokenizer")
        .put("type", "Metaspace")
        .put("replacement", "\u2581")
        .put("prepend_scheme", prefix ? scheme : "never")
        .put("split", false);
    ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
    ObjectNode space = decoders.addObject().put("type", "Replace");
    space.putObject("pattern").put("String", "\u2581");
    space.put("content", " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
  }
}
