package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrepareVerbTest {
  private static final String TOKENIZER =
      Path.of("src", "main", "resources", "io", "anchor4j", "samples", "tokenizer").toString();

  @TempDir Path directory;
  private Path input;
  private Path output;

  @BeforeEach
  void files() throws IOException {
    input = directory.resolve("raw.jsonl");
    output = directory.resolve("packed.jsonl");
    Files.write(
        input,
        List.of("{\"text\": \"public class A {}\"}", "{\"text\": \"import java.util.List;\"}"));
  }

  private CommandLineRun prepare(String... more) {
    var args =
        new java.util.ArrayList<>(
            List.of("prepare", "--tokenizer", TOKENIZER, "--input", input.toString()));
    args.addAll(List.of("--output", output.toString()));
    args.addAll(List.of(more));
    return CommandLineRun.of(args.toArray(String[]::new));
  }

  private void assertBadInput(CommandLineRun run, String line) {
    assertEquals(2, run.code(), run.err());
    String last = run.err().strip().lines().reduce((a, b) -> b).orElse("");
    assertEquals("anchor4j prepare: " + line, last);
    assertFalse(Files.exists(output), "half a file was left");
  }

  @Test
  void documentsBecomeOneRowWithAnAnchorAndTheReportSaysSo() throws IOException {
    CommandLineRun run = prepare("--sequence-length", "32");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("packing efficiency"), run.out());
    assertTrue(run.out().contains("boundaries          2"), run.out());
    List<String> lines = Files.readAllLines(output);
    assertEquals(1, lines.size());
    JsonNode row = new ObjectMapper().readTree(lines.get(0));
    assertEquals(32, row.get("input_ids").size());
    assertEquals(0, row.get("document_ids").get(0).asInt());
    assertEquals(1, row.get("document_ids").get(1).asInt());
    assertEquals(-1, row.get("document_ids").get(31).asInt());
  }

  @Test
  void anchorsAreOfTheTokenThatIsNamed() throws IOException {
    CommandLineRun run = prepare("--sequence-length", "32", "--anchor-token", "class");
    assertEquals(0, run.code(), run.err());
    JsonNode row = new ObjectMapper().readTree(Files.readAllLines(output).get(0));
    int anchor = row.get("input_ids").get(0).asInt();
    assertTrue(run.out().contains("anchors             class (id " + anchor + ")"), run.out());
    Files.delete(output);
    CommandLineRun wrong = prepare("--sequence-length", "32", "--anchor-token", "<anchor>");
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.err().contains("anchorToken must be a token of the tokenizer in"));
  }

  @Test
  void aBadLineIsNamedOrSkippedOnRequest() throws IOException {
    Files.writeString(input, "{\"text\": \"a\"}\n{\"txt\": 1}\n");
    assertBadInput(
        prepare("--sequence-length", "32"),
        input + ", line 2: no \"text\" or \"messages\"; the other keys are: txt");
    CommandLineRun run = prepare("--sequence-length", "32", "--skip-bad-lines");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.err().contains("bad lines skipped: 1"), run.err());
  }

  @Test
  void anOutputThatIsAnInputByAnyNameIsRefusedAndNotTouched() throws IOException {
    String before = Files.readString(input);
    Path link = Files.createSymbolicLink(directory.resolve("link.jsonl"), input);
    for (Path name : List.of(input, link, directory.resolve("x/../raw.jsonl").normalize())) {
      output = name;
      CommandLineRun run = prepare("--sequence-length", "32");
      assertEquals(2, run.code(), run.err());
      assertEquals(
          "anchor4j prepare: " + name + ": the output is one of the inputs", run.err().strip());
      assertEquals(before, Files.readString(input));
    }
    assertTrue(Files.isSymbolicLink(link));
  }

  @Test
  void anInputWithoutDocumentsIsNamed() throws IOException {
    Files.writeString(input, "");
    assertBadInput(prepare("--sequence-length", "32"), input + ": empty, nothing to pack");
    Files.writeString(input, "{\"text\": \"\"}\n");
    assertBadInput(prepare("--sequence-length", "32"), input + ": no document that is not empty");
  }

  @Test
  void whenEveryLineIsSkippedTheirNumberAndTheFirstReasonAreGiven() throws IOException {
    Files.writeString(input, "{\"txt\": 1}\n{\"a\": 1}\n");
    assertBadInput(
        prepare("--sequence-length", "32", "--skip-bad-lines"),
        "no line could be used, skipped 2; "
            + input
            + ", line 1: no \"text\" or \"messages\"; the other keys are: txt");
  }

  @Test
  void brokenJsonIsOneSentenceWithoutTheParsersInsides() throws IOException {
    Files.writeString(input, "{\"text\": \"a\"\n");
    CommandLineRun run = prepare("--sequence-length", "32");
    assertEquals(2, run.code(), run.err());
    assertTrue(run.err().contains(input + ", line 1: not valid JSON: "), run.err());
    assertTrue(run.err().strip().matches("(?s).*\\(column \\d+\\)"), run.err());
    assertFalse(run.err().contains("Source"), run.err());
    assertFalse(run.err().contains("marker at"), run.err());
  }

  @Test
  void aRowTooShortForADocumentIsRefused() {
    assertBadInput(
        prepare("--sequence-length", "2"),
        "sequenceLength must be at least 3 (anchorTokens 1, documentTag 0 tokens and 2 tokens of a"
            + " document), got 2");
  }

  @Test
  void aWordThatIsNoPackingIsAnsweredWithThoseThatAre() {
    assertBadInput(
        prepare("--sequence-length", "32", "--packing", "tight"),
        "Invalid value for option '--packing': packing must be one of best-fit, wrapped, got"
            + " \"tight\" (see 'anchor4j prepare --help')");
  }

  @Test
  void aMissingTokenizerIsNamed() {
    CommandLineRun run =
        CommandLineRun.of(
            "prepare",
            "--tokenizer",
            "nowhere",
            "--input",
            "x",
            "--output",
            output.toString(),
            "--sequence-length",
            "8");
    assertEquals(2, run.code());
    assertTrue(
        run.err().startsWith("anchor4j prepare: nowhere: there is no such file; "), run.err());
  }
}
