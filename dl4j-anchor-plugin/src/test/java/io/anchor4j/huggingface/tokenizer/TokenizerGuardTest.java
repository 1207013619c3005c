package io.anchor4j.huggingface.tokenizer;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Most of what is refused here ends the process once the native library has it. */
class TokenizerGuardTest {
  @TempDir Path directory;

  private void write(String json) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), json);
  }

  private void refused(String reason) {
    var e = assertThrows(IllegalArgumentException.class, () -> Tokenizer.load(directory));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  @Test
  void jsonThatTheLibraryDoesNotSurviveIsRefused() throws IOException {
    String good = ByteLevelTokenizer.json().toString();
    String deep = "[".repeat(100) + "]".repeat(100);
    write(good.replace("\"decoder\":{", "\"decoder\":{\"x\":" + deep + ","));
    refused("nesting depth");
    write(good.replace("\"decoder\":{", "\"decoder\":{\"x\":1e400,"));
    refused("a number is too large");
    write(good.replace("\"decoder\":{", "\"decoder\":{\"x\":\"\\ud800\","));
    refused("surrogate");
    write(good.replace("</s>", "s".repeat(100_000)));
    refused("an added token has 100000 characters, the most is 1000");
    write(good.replace("\"model\":{", "\"model\":{\"continuing_subword_prefix\":\"##\","));
    refused("a continuing_subword_prefix is not supported");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "normalizer|{'type': 'Replace', 'pattern': {'Regex': ' {0,}'}, 'content': ' '}",
        "normalizer|{'type': 'Replace', 'pattern': {'String': ''}, 'content': ' '}",
        "normalizer|{'type': 'Replace', 'pattern': {'String': 'a'}, 'content': ''}",
        "normalizer|{'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': ''}]}",
        "normalizer|{'type': 'Precompiled', 'precompiled_charsmap': 'AAAA'}",
        "normalizer|{'lowercase': true}",
        "pre_tokenizer|{'type': 'FixedLength', 'length': 0}",
        "decoder|{'type': 'Strip', 'content': ' ', 'start': 0, 'stop': 1}",
        "decoder|{'type': 'Strip', 'content': ' ', 'start': 0, 'stop': 4294967296}",
        "post_processor|{'type': 'TemplateProcessing', 'single': [], 'special_tokens': {}}",
        "post_processor|{'type': 'TemplateProcessing', 'single': [{'Sequence': {'id': 'B'}}]}",
      })
  void stepsThatTheLibraryDoesNotSurviveAreRefused(String stage, String step) throws IOException {
    ObjectNode json = ByteLevelTokenizer.json();
    json.set(stage, JsonFields.MAPPER.readTree(step.replace('\'', '"')));
    write(json.toString());
    refused("not supported");
  }

  @Test
  void aTemplateOfTokensItDoesNotHaveOrBehindAnotherIsRefused() throws IOException {
    ObjectNode json = ByteLevelTokenizer.json();
    ObjectNode template = json.putObject("post_processor").put("type", "TemplateProcessing");
    template.putArray("single").addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    template.putArray("pair");
    template.putObject("special_tokens");
    ObjectNode sequence = JsonFields.MAPPER.createObjectNode().put("type", "Sequence");
    sequence.putArray("processors").add(template).add(template);
    write(json.toString());
    assertDoesNotThrow(() -> Tokenizer.load(directory).close());
    json.set("post_processor", sequence);
    write(json.toString());
    refused("a post_processor like this is not supported");
    template.withArray("single").addObject().putObject("SpecialToken").put("id", "<s>");
    json.set("post_processor", template);
    write(json.toString());
    refused("post_processor puts in a token that its special_tokens lack: \"<s>\"");
  }

  @Test
  void anAddedTokenOfWhiteSpaceDoesNotTakeMoreOfItAlong() throws IOException {
    ObjectNode json = ByteLevelTokenizer.json();
    ObjectNode token = (ObjectNode) json.withArray("added_tokens").get(2);
    token.put("content", " ").put("lstrip", true);
    write(json.toString());
    refused("an added token with lstrip must not be white space");
    token.put("content", "a").put("normalized", true);
    json.putObject("normalizer").put("type", "NFC");
    write(json.toString());
    refused("an added token with lstrip must not be");
    token.put("normalized", false);
    write(json.toString());
    assertDoesNotThrow(() -> Tokenizer.load(directory).close());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*",
        " ?[^(\\s|[.,!?\u2026\u3002])]+",
        "(?<!\\d)\\d{1,3}(?=(?:\\d{3})*\\b)|[\u4e00-\u9fa5\u3040-\u309f]+",
        "[0-9][0-9][0-9]|\\p{L}++|[]a]*+",
      })
  void regularExpressionsOfModelsInUseAreTaken(String regex) {
    assertDoesNotThrow(() -> SplitPattern.check(regex));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "(a+)+b repeats",
        "(a|a)*b repeats",
        "(?:a{1,3}){30} repeats",
        "((a?)b)+ repeats",
        "a{2}+ repeats",
        "a*** repeats",
        "(?=he\\K) \\K",
        "(a)\\1 \\1",
        "(?<name>a) group",
        "(*FAIL) group",
        "[a without",
        "a\\ backslash",
      })
  void othersAreRefused(String regex, String reason) {
    var e = assertThrows(IllegalArgumentException.class, () -> SplitPattern.check(regex));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void bracketsWithoutEndAreRefused() throws IOException {
    ObjectNode json = ByteLevelTokenizer.json();
    ObjectNode split = json.putObject("pre_tokenizer").put("type", "Split").put("invert", false);
    split.put("behavior", "Isolated").putObject("pattern").put("Regex", "[".repeat(4096));
    write(json.toString());
    refused("a split's regular expression nested over 100 deep");
  }

  /** 12,000,000 spaces end the process under Llama 3's regular expression. */
  @Test
  void aTextOfOneStretchIsRefused() throws IOException {
    write(ByteLevelTokenizer.json().toString());
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      for (String text : new String[] {" \u0085\u00a0", "ab\ud83d\ude00"}) {
        String stretch = "a b " + text.repeat(1_000_000);
        var e = assertThrows(IllegalArgumentException.class, () -> tokenizer.encode(stretch));
        assertTrue(e.getMessage().startsWith("a text must not have over 2000000 characters"));
      }
    }
  }
}
