package io.anchor4j.huggingface.tokenizer;

import static io.anchor4j.huggingface.tokenizer.ByteLevelTokenizer.BEGIN;
import static io.anchor4j.huggingface.tokenizer.ByteLevelTokenizer.END;
import static io.anchor4j.huggingface.tokenizer.ByteLevelTokenizer.PAD;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
  @TempDir Path directory;

  private Tokenizer load() throws IOException {
    if (!Files.exists(directory.resolve("tokenizer.json"))) {
      ByteLevelTokenizer.write(directory, ByteLevelTokenizer.json());
    }
    return Tokenizer.load(directory);
  }

  private void write(String file, String json) throws IOException {
    Files.writeString(directory.resolve(file), json);
  }

  @Test
  void encodesWithoutSpecialTokensAndDecodesWithoutThem() throws IOException {
    try (Tokenizer tokenizer = load()) {
      assertArrayEquals(new int[] {'t', 256, ' ', 0xc3, 0xa4}, tokenizer.encode("the \u00e4"));
      assertArrayEquals(new int[0], tokenizer.encode(""));
      assertArrayEquals(new int[] {END}, tokenizer.encode("</s>"));
      assertEquals(
          "the \u00e4", tokenizer.decode(new int[] {BEGIN, 't', 256, ' ', 0xc3, 0xa4, END}));
      assertEquals("", tokenizer.decode(new int[0]));
      assertEquals(260, tokenizer.size());
    }
  }

  @Test
  void randomTextComesBack() throws IOException {
    var random = new Random(3);
    try (Tokenizer tokenizer = load()) {
      for (int trial = 0; trial < 50; trial++) {
        var text = new StringBuilder();
        for (int i = 0; i < random.nextInt(200); i++) {
          int c =
              random.nextInt(3) == 0
                  ? random.nextInt(Character.MAX_CODE_POINT)
                  : random.nextInt(128);
          text.appendCodePoint(Character.isDefined(c) && (c < 0xd800 || c > 0xdfff) ? c : 'h');
        }
        assertEquals(text.toString(), tokenizer.decode(tokenizer.encode(text.toString())));
      }
    }
  }

  /** DJL's own default cuts at 512. */
  @Test
  void longTextIsNotCut() throws IOException {
    try (Tokenizer tokenizer = load()) {
      assertEquals(100_000, tokenizer.encode("x".repeat(100_000)).length);
      assertEquals(20_000, tokenizer.encode("x y ".repeat(5_000)).length);
    }
  }

  @Test
  void theFilesOwnCuttingAndPaddingAreOff() throws IOException {
    ObjectNode json = ByteLevelTokenizer.json();
    ObjectNode cut = json.putObject("truncation").put("max_length", 8).put("stride", 0);
    cut.put("strategy", "LongestFirst").put("direction", "Right");
    ObjectNode pad = json.putObject("padding").put("direction", "Right").put("pad_id", PAD);
    pad.putObject("strategy").put("Fixed", 32);
    pad.put("pad_type_id", 0).put("pad_token", "<pad>").putNull("pad_to_multiple_of");
    ByteLevelTokenizer.write(directory, json);
    write("tokenizer_config.json", "{\"model_max_length\": 4, \"pad_token\": \"<pad>\"}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(2, tokenizer.encode("ab").length);
      assertEquals(50, tokenizer.encode("x".repeat(50)).length);
    }
  }

  @Test
  void specialIdsComeFromTheTokenizersConfigurationFirst() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"bos_token\": \"x\", \"eos_token\": \"</s>\", \"pad_token\": null}");
    write("special_tokens_map.json", "{\"pad_token\": \"<pad>\", \"bos_token\": \"<s>\"}");
    write("generation_config.json", "{\"eos_token_id\": [7, 258, 9], \"pad_token_id\": 1}");
    write("config.json", "{\"bos_token_id\": 5, \"eos_token_id\": 6}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.of(BEGIN), tokenizer.beginId());
      assertEquals(OptionalInt.of(END), tokenizer.endId());
      assertEquals(OptionalInt.of(PAD), tokenizer.padId());
    }
  }

  /** Looking for the largest id at each took 49 s. */
  @Test
  void manyAddedTokensAreReadInTimeInProportion() throws IOException {
    load().close();
    ObjectNode added = JsonFields.MAPPER.createObjectNode();
    for (int i = 0; i < 40_000; i++) {
      added.put("token" + i, 260 + i);
    }
    write("added_tokens.json", added.toString());
    TokenizerFiles files =
        assertTimeout(Duration.ofSeconds(10), () -> TokenizerFiles.read(directory));
    assertEquals(OptionalInt.of(40_259), files.id("token39999"));
  }

  @Test
  void theOlderMapIsNotReadBesideAListOfAddedTokens() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"added_tokens_decoder\": {\"257\": {\"content\": \"<s>\", \"special\": true}},"
            + " \"bos_token\": {\"content\": \"<s>\"}}");
    write("special_tokens_map.json", "{\"pad_token\": \"<pad>\", \"bos_token\": \"x\"}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.of(BEGIN), tokenizer.beginId());
      assertEquals(OptionalInt.empty(), tokenizer.padId());
    }
  }

  @Test
  void aNullForTheBeginningIsNotOverruledByTheModelsConfiguration() throws IOException {
    write("tokenizer_config.json", "{\"bos_token\": null, \"eos_token\": \"</s>\"}");
    write("config.json", "{\"bos_token_id\": 5}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.empty(), tokenizer.beginId());
    }
  }

  @Test
  void specialIdsComeFromTheModelsConfigurationElse() throws IOException {
    write("generation_config.json", "{\"eos_token_id\": [7, 8], \"bos_token_id\": 3}");
    write("config.json", "{\"bos_token_id\": 5, \"eos_token_id\": null, \"pad_token_id\": -1}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.of(3), tokenizer.beginId());
      assertEquals(OptionalInt.of(7), tokenizer.endId());
      assertEquals(OptionalInt.empty(), tokenizer.padId());
    }
  }

  @Test
  void aTokenizerAloneHasNoSpecialIds() throws IOException {
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.empty(), tokenizer.beginId());
      assertEquals(OptionalInt.empty(), tokenizer.endId());
      assertEquals(OptionalInt.empty(), tokenizer.padId());
    }
  }

  @Test
  void anchorsAreOfTheBeginElseOfTheEndElseOfTheTokenNamed() throws IOException {
    write("tokenizer_config.json", "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.of(BEGIN), tokenizer.specialTokens(null).anchor());
      assertEquals(OptionalInt.of(PAD), tokenizer.specialTokens("<pad>").anchor());
      assertEquals(OptionalInt.of(END), tokenizer.specialTokens("<pad>").end());
      assertEquals("<pad> (id 259)", tokenizer.describe(PAD));
      var e =
          assertThrows(IllegalArgumentException.class, () -> tokenizer.specialTokens("<anchor>"));
      assertEquals(
          "anchorToken must be a token of the tokenizer in "
              + directory.toAbsolutePath()
              + ", got \"<anchor>\"",
          e.getMessage());
    }
    write("tokenizer_config.json", "{\"bos_token\": null, \"eos_token\": \"</s>\"}");
    try (Tokenizer tokenizer = load()) {
      assertEquals(OptionalInt.of(END), tokenizer.specialTokens(null).anchor());
    }
  }

  @Test
  void copyTakesAllFilesAndTheCopyLoads(@TempDir Path target) throws IOException {
    write("tokenizer_config.json", "{\"eos_token\": \"</s>\"}");
    write("notes.txt", "not the tokenizer's");
    Files.writeString(target.resolve("merges.txt"), "of another tokenizer's");
    try (Tokenizer tokenizer = load()) {
      tokenizer.copyTo(target);
      tokenizer.copyTo(directory);
    }
    try (var files = Files.list(target)) {
      assertEquals(3, files.count());
    }
    try (Tokenizer copy = Tokenizer.load(target.resolve("tokenizer.json"))) {
      assertEquals(OptionalInt.of(END), copy.endId());
    }
  }

  @Test
  void loadingLeavesDjlsOwnSettingAsItWas() throws IOException {
    load().close();
    assertNull(System.getProperty("ai.djl.offline"));
  }

  @Test
  void wrongFilesAreRefusedInOneLine() throws IOException {
    var e = assertThrows(IllegalArgumentException.class, () -> Tokenizer.load(directory));
    assertTrue(e.getMessage().startsWith(directory.resolve("tokenizer.json") + ": there is no"));
    write("tokenizer.model", "pieces");
    refused("only tokenizer.model; convert it once with Python: python -c \"from transformers");
    write("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}");
    refused("not valid JSON");
    write("tokenizer.json", "{\"model\": {\"vocab\": {}}}");
    refused("model.vocab is missing or empty");
    write("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": -2}}}");
    refused("a token's id is not a number from 0 on");
    write("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}}}");
    refused("not a tokenizer");
    write("tokenizer.json", "{\"model\": {\"vocab\": {\"\\ud800\": 0}}}");
    refused("not valid JSON");
    ByteLevelTokenizer.write(directory, ByteLevelTokenizer.json());
    write("tokenizer_config.json", "{\"added_tokens_decoder\": {\"one\": {\"content\": \"a\"}}}");
    refused("added_tokens_decoder: a key must be a token id, got \"one\"");
    write("tokenizer_config.json", "{}");
    write("config.json", "{\"eos_token_id\": \"two\"}");
    refused("eos_token_id must be a token id or a list of them, got \"two\"");
  }

  private void refused(String reason) {
    var e = assertThrows(IllegalArgumentException.class, () -> Tokenizer.load(directory));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }
}
