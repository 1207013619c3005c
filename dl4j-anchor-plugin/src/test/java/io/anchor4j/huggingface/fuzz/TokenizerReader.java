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

/**
 * tokenizer.json and tokenizer_config.json. Right is: ids below the tokenizer's size, the same from
 * a copy of its files, and those of the good files where only white space differs.
 */
final class TokenizerReader implements Reader {
  private static final String TEXT = "The hehe \u00e4 \u4e2d</s>\n  x";
  private static final List<String> FILES = List.of("tokenizer.json", "tokenizer_config.json");

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

  @Override
  public void readAndCompare(Path directory) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
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
