package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.tokenizer.ByteLevelTokenizer;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * tokenizer.json and tokenizer_config.json. Right is: ids below the tokenizer's size, the same from
 * a copy of its files, and those of the good files where only white space differs.
 */
final class TokenizerReader implements Reader {
  private static final String TEXT = "The hehe \u00e4 \u4e2d</s>\n  x";
  private static final List<String> FILES = List.of("tokenizer.json", "tokenizer_config.json");

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Spaces of all kinds, marks that combine, letters that grow in lower case, tokens. */
  private static final List<String> PIECES =
      List.of(
          " ",
          "  ",
          "\n",
          "\t",
          "\u00a0",
          "\u0085",
          "\u2581",
          "\u200b",
          "a",
          "the",
          "he",
          "X",
          "12",
          ".",
          "''",
          "``",
          "\u00e4",
          "e\u0301",
          "\u0344\u0323",
          "\u0130",
          "\u1100\u1161\u11a8",
          "\u4e2d",
          "\ufdfa",
          "\ud83d\ude00",
          "\u0120",
          "\u00c3\u00a4",
          "<s>",
          "</s>",
          "<0x41>",
          "\u0000");

  private JsonNode[] goodFiles;
  private int[] goodIds;

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    ByteLevelTokenizer.write(directory, withEveryStep(ByteLevelTokenizer.json()));
    Files.writeString(
        directory.resolve(FILES.get(1)),
        """
        {
          "added_tokens_decoder": {
            "257": {"content": "<s>", "special": true, "lstrip": false, "rstrip": false},
            "260": {"content": "<extra>", "special": false, "normalized": true}
          },
          "bos_token": {"content": "<s>", "lstrip": false},
          "eos_token": "</s>",
          "pad_token": null,
          "additional_special_tokens": ["<pad>"],
          "clean_up_tokenization_spaces": false,
          "model_max_length": 1000000000000000019884624838656,
          "chat_template": "{{ messages[0].content }}",
          "tokenizer_class": "PreTrainedTokenizerFast"
        }
        """);
    goodFiles = trees(directory);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      goodIds = tokenizer.encode(TEXT);
    }
    return FILES.stream().map(directory::resolve).toArray(Path[]::new);
  }

  /** Adds a normalizer, a pre-tokenizer and a post-processor as those of models in use. */
  private static ObjectNode withEveryStep(ObjectNode json) throws IOException {
    return ((ObjectNode)
        new ObjectMapper()
            .readerForUpdating(json)
            .readTree(
                """
                {
                  "normalizer": {"type": "Sequence", "normalizers": [
                    {"type": "NFC"},
                    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
                    {"type": "Prepend", "prepend": " "}
                  ]},
                  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                    {
                      "type": "Split",
                      "pattern": {"Regex": "(?i:'s|'t)|\\\\p{L}+|\\\\p{N}{1,3}|\\\\s+(?!\\\\S)|\\\\s+|."},
                      "behavior": "Isolated",
                      "invert": false
                    },
                    {
                      "type": "ByteLevel",
                      "add_prefix_space": false,
                      "trim_offsets": true,
                      "use_regex": false
                    }
                  ]},
                  "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                      {"SpecialToken": {"id": "<s>", "type_id": 0}},
                      {"Sequence": {"id": "A", "type_id": 0}}
                    ],
                    "pair": [
                      {"Sequence": {"id": "A", "type_id": 0}},
                      {"Sequence": {"id": "B", "type_id": 1}}
                    ],
                    "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}}
                  }
                }
                """));
  }

  /** Half of the changes to tokenizer.json put other steps together. */
  @Override
  public byte[] mutate(Random random, byte[] good) throws IOException {
    if (random.nextBoolean()
        && JSON.readTree(good) instanceof ObjectNode json
        && json.has("model")) {
      new StepMaker(random).change(json);
      return JSON.writeValueAsBytes(json);
    }
    return new Mutator(random).mutate(good);
  }

  /** Any text may follow a file: one of its own for each. */
  private static String text(Path directory) throws IOException {
    byte[] file = Files.readAllBytes(directory.resolve(FILES.get(0)));
    var random = new Random(Arrays.hashCode(file));
    var text = new StringBuilder();
    for (int i = random.nextInt(30); i > 0; i--) {
      text.append(PIECES.get(random.nextInt(PIECES.size())));
    }
    return text.toString();
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      String text = text(directory);
      tokenizer.decode(tokenizer.encodeWithSpecialTokens(text));
      tokenizer.encodeLiterally(text);
      int[] ids = tokenizer.encode(TEXT);
      tokenizer.decode(ids);
      tokenizer.encodeWithSpecialTokens(TEXT);
      assertTrue(Arrays.stream(ids).allMatch(id -> id >= 0 && id < tokenizer.size()));
      if (Arrays.equals(goodFiles, trees(directory))) {
        assertArrayEquals(goodIds, ids);
      }
      Path copy = Files.createDirectories(directory.resolve("copy"));
      tokenizer.copyTo(copy);
      try (Tokenizer again = Tokenizer.load(copy)) {
        assertArrayEquals(ids, again.encode(TEXT));
        assertEquals(tokenizer.endId(), again.endId());
      }
    }
  }

  private static JsonNode[] trees(Path directory) throws IOException {
    JsonNode[] trees = new JsonNode[FILES.size()];
    for (int i = 0; i < trees.length; i++) {
      trees[i] = new ObjectMapper().readTree(directory.resolve(FILES.get(i)).toFile());
    }
    return trees;
  }
}
