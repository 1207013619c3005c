package io.anchor4j.it;

import static io.anchor4j.it.GenerateCommand.assertRefused;
import static io.anchor4j.it.GenerateCommand.command;
import static io.anchor4j.it.GenerateCommand.modelWithTokenizer;
import static io.anchor4j.it.GenerateCommand.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import io.anchor4j.samples.cli.Anchor4j;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate} with a tokenizer: streams of text, documents before the prompt, anchors. */
class GenerateTextTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path directory;

  @Test
  void textAppearsAsTokensCome() throws IOException {
    Path model = modelWithTokenizer(directory);
    Object[] words = {"--prompt", "public class Grüße {", "--max-new-tokens", 40};
    var pieces = new ArrayList<String>();
    var out =
        new StringWriter() {
          @Override
          public void flush() {
            pieces.add(toString());
          }
        };
    String[] args = command(model, words).stream().map(Object::toString).toArray(String[]::new);
    assertEquals(0, Anchor4j.run(new PrintWriter(out), new PrintWriter(Writer.nullWriter()), args));
    assertTrue(pieces.size() >= 40 && pieces.stream().distinct().count() > 20, pieces.toString());
    JsonNode line =
        JSON.readTree(run(model, "--prompt", words[1], "--max-new-tokens", 40, "--json").out());
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      assertEquals(
          tokenizer.decode(JSON.treeToValue(line.get("ids"), int[].class)),
          line.get("text").textValue());
      int[] prompt = tokenizer.encodeWithSpecialTokens("public class Grüße {");
      String ids = Arrays.stream(prompt).mapToObj(String::valueOf).collect(Collectors.joining(","));
      Cli byIds = run(model, "--prompt-ids", ids, "--max-new-tokens", 40, "--json");
      assertEquals(line, JSON.readTree(byIds.out()));
    }
    // Where bytes make no character, their pieces may be shown by another number of U+FFFD.
    String streamed = out.toString().replaceAll("\ufffd+", "\ufffd");
    assertEquals(
        line.get("text").textValue().replaceAll("\ufffd+", "\ufffd") + System.lineSeparator(),
        streamed);
  }

  @Test
  void documentsBeforeThePromptAreSeenUnderFullAlone() throws IOException {
    Path model = modelWithTokenizer(directory);
    for (String mask : Fixture.MASKS) {
      String[] texts = new String[2];
      for (int i = 0; i < 2; i++) {
        String other = i == 0 ? "import java.util.List;" : "return 42; // of another kind";
        texts[i] =
            run(
                    model,
                    "--document",
                    "package one;",
                    "--document",
                    other,
                    "--prompt",
                    "int x",
                    "--max-new-tokens",
                    24,
                    "--attention",
                    mask,
                    "--positions",
                    "per-document",
                    "--json")
                .out();
      }
      assertEquals(!mask.equals("full"), texts[0].equals(texts[1]), mask);
    }
  }

  private static String withDocument(Path model, Object... more) {
    List<Object> words = new ArrayList<>(List.of(more));
    words.addAll(List.of("--document", "package one;", "--prompt", "int x"));
    words.addAll(
        List.of("--max-new-tokens", 16, "--attention", "anchor", "--json", "--temperature", 2));
    return run(model, words.toArray()).out();
  }

  @Test
  void anchorsAreTheTokensAskedFor() throws IOException {
    Path model = modelWithTokenizer(directory);
    String usual = withDocument(model);
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      String described = tokenizer.describe(tokenizer.beginId().orElseThrow());
      String begin = described.substring(0, described.indexOf(' '));
      assertEquals(usual, withDocument(model, "--anchor-token", begin, "--anchor-tokens", 1));
    }
    assertNotEquals(usual, withDocument(model, "--anchor-token", "class"));
    String none = withDocument(model, "--anchor-tokens", 0);
    assertEquals(none, withDocument(model, "--anchor-tokens", 0, "--anchor-token", "class"));
    assertEquals(
        4,
        Stream.of(
                usual,
                none,
                withDocument(model, "--anchor-tokens", 2),
                withDocument(model, "--anchor-token", "class", "--anchor-tokens", 2))
            .distinct()
            .count());
    assertRefused(
        "anchorToken must be a token of the tokenizer in " + model + ", got \"<anchor>\"",
        model,
        "--prompt",
        "x",
        "--document",
        "y",
        "--anchor-token",
        "<anchor>",
        "--max-new-tokens",
        1);
    assertRefused(
        "--anchor-tokens must be 0 or more, got -1",
        model,
        "--prompt",
        "x",
        "--document",
        "y",
        "--anchor-tokens",
        "-1",
        "--max-new-tokens",
        1);
    assertRefused(
        "--anchor-token and --anchor-tokens need --document: a prompt alone has no anchor",
        model,
        "--prompt",
        "x",
        "--anchor-tokens",
        2,
        "--max-new-tokens",
        1);
  }
}
