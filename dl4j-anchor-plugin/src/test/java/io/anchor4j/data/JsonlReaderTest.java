package io.anchor4j.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.collect.ImmutableList;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonlReaderTest {
  private static final int VOCABULARY = 1000;

  /** One token a UTF-16 unit: enough to see what text arrived. */
  private static final TextEncoder CHARACTERS = text -> text.chars().toArray();

  @TempDir Path folder;

  private Path write(String name, byte[] content) throws IOException {
    return Files.write(folder.resolve(name), content);
  }

  private static byte[] gzip(byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content);
    }
    return bytes.toByteArray();
  }

  private static List<String> texts(BadLines badLines, Path... files) {
    try (var reader =
        JsonlReader.raw(List.of(files), CHARACTERS, Character.MAX_VALUE + 1, badLines)) {
      return ImmutableList.copyOf(reader).stream()
          .map(documents -> new String(documents.get(0), 0, documents.get(0).length))
          .toList();
    }
  }

  @Test
  void textsComeInTheOrderOfFilesAndLines() throws IOException {
    Path a = write("a.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n".getBytes(UTF_8));
    Path empty = write("empty.jsonl", new byte[0]);
    Path b = write("b.jsonl", "{\"text\": \"three\"}".getBytes(UTF_8));
    assertEquals(
        List.of("one", "two", "three", "one", "two"), texts(BadLines.refuse(), a, empty, b, a));
  }

  @Test
  void blankLinesCarriageReturnsAndAByteOrderMarkAreNoPartOfTheData() throws IOException {
    Path file =
        write(
            "dos.jsonl",
            "\ufeff{\"text\": \"one\"}\r\n\r\n \t\n{\"text\": \"two\"}\r\n\n".getBytes(UTF_8));
    assertEquals(List.of("one", "two"), texts(BadLines.refuse(), file));
  }

  @Test
  void aByteOrderMarkInsideTheFileIsBadJson() throws IOException {
    Path file =
        write("joined.jsonl", "\ufeff{\"text\": \"a\"}\n\ufeff{\"text\": \"b\"}".getBytes(UTF_8));
    var error = assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file));
    assertTrue(
        error.getMessage().startsWith(file + ", line 2: not valid JSON: "), error::getMessage);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"text\": \"a\"", "{\"x\": [1}", "{\"text\": \"a"})
  void brokenJsonIsToldWithoutTheParsersNameForItsSource(String line) throws IOException {
    Path file = write("broken.jsonl", line.getBytes(UTF_8));
    String message =
        assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file)).getMessage();
    assertTrue(message.startsWith(file + ", line 1: not valid JSON: "), message);
    assertTrue(message.matches(".* \\(column \\d+\\)"), message);
    assertFalse(message.contains("Source") || message.contains("starting at"), message);
  }

  @Test
  void otherKeysArePassedOver() throws IOException {
    Path file =
        write(
            "meta.jsonl",
            "{\"meta\": {\"text\": \"no\", \"x\": [1, {\"y\": 2}]}, \"text\": \"yes\", \"id\": 1.5}"
                .getBytes(UTF_8));
    assertEquals(List.of("yes"), texts(BadLines.refuse(), file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl.gz", "gzip-without-its-name.jsonl"})
  void gzippedFilesAreReadAsTheyAre(String name) throws IOException {
    byte[] one = gzip("{\"text\": \"one\"}\n".getBytes(UTF_8));
    byte[] two = gzip("{\"text\": \"grüße 世界 😀\"}\n".getBytes(UTF_8));
    byte[] both = Arrays.copyOf(one, one.length + two.length); // two members, as `cat` makes them
    System.arraycopy(two, 0, both, one.length, two.length);
    assertEquals(List.of("one", "grüße 世界 😀"), texts(BadLines.refuse(), write(name, both)));
  }

  @Test
  void linesLongerThanTheBufferArriveWhole() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int length : new int[] {65_520, 65_536, 200_000, 1}) {
      lines.append("{\"text\": \"").append("é".repeat(length)).append("\"}\n");
    }
    Path file = write("long.jsonl", lines.toString().getBytes(UTF_8));
    assertEquals(
        List.of(65_520, 65_536, 200_000, 1),
        texts(BadLines.refuse(), file).stream().map(String::length).toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": 5}            | \"text\" must be a string, got 5",
        "{\"text\": null}         | \"text\" must be a string, got null",
        "{\"text\": [\"a\"]}      | \"text\" must be a string, got an array",
        "{\"content\": \"a\", \"id\": 1} | no \"text\" or \"messages\"; the other keys are: content, id",
        "{}                       | no \"text\" or \"messages\"; the other keys are: (none)",
        "[\"a\"]                  | must be a JSON object, got an array",
        "\"a\"                    | must be a JSON object, got the string \"a\"",
        "{\"text\": \"a\"} {}     | more stands after the JSON object: one object a line",
        "{\"text\": \"\\ud83d\"}  | \"text\" holds half of a surrogate pair, \\ud83d, at character 0",
        "{\"text\": \"a\\ude00b\"} | \"text\" holds half of a surrogate pair, \\ude00, at character 1",
      })
  void aBadRawLineIsNamedWithFileNumberAndReason(String line, String reason) throws IOException {
    Path file = write("bad.jsonl", ("{\"text\": \"ok\"}\n\n" + line + "\n").getBytes(UTF_8));
    var error = assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file));
    assertEquals(file + ", line 3: " + reason, error.getMessage());
    assertEquals(file.toString(), error.file());
    assertEquals(3, error.line());
    assertEquals(reason, error.reason());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{\"text\": \"a", "{\"text\": \"a\"", "{text: 1}", "{\"text\": \"a\",}", "nul"})
  void brokenJsonIsNamedOnOneLine(String line) throws IOException {
    Path file = write("broken.jsonl", line.getBytes(UTF_8));
    var error = assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file));
    assertTrue(
        error.getMessage().startsWith(file + ", line 1: not valid JSON: "), error::getMessage);
    assertFalse(error.getMessage().contains("\n"), error::getMessage);
  }

  @Test
  void aKeyThatStandsTwiceIsRefused() throws IOException {
    Path file = write("twice.jsonl", "{\"text\": \"a\", \"text\": \"b\"}".getBytes(UTF_8));
    var error = assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file));
    assertTrue(error.reason().contains("Duplicate"), error::getMessage);
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() throws IOException {
    byte[] content = "{\"text\": \"a?b\"}".getBytes(UTF_8);
    content[11] = (byte) 0xe9; // é in Latin-1
    Path file = write("latin.jsonl", content);
    var error = assertThrows(BadLineException.class, () -> texts(BadLines.refuse(), file));
    assertEquals(file + ", line 1: not valid UTF-8 at byte 12", error.getMessage());
  }

  @Test
  void aLineOverTheLimitIsBadAndTheNextOneIsNot() throws IOException {
    Path file = write("wide.jsonl", ("x".repeat(200_000) + "\n{}\n").getBytes(UTF_8));
    try (LineReader lines = new LineReader(file, 1000)) {
      assertTrue(lines.next());
      assertEquals(
          "the line is longer than 1000 bytes",
          assertThrows(IllegalArgumentException.class, lines::text).getMessage());
      assertTrue(lines.next());
      assertEquals("{}", lines.text());
      assertEquals(2, lines.lineNumber());
      assertFalse(lines.next());
    }
  }

  @Test
  void gzipThatEndsEarlyEndsTheReadingEvenWhenBadLinesAreSkipped() throws IOException {
    byte[] whole = gzip("{\"text\": \"one\"}\n".repeat(50_000).getBytes(UTF_8));
    Path file = write("cut.jsonl.gz", Arrays.copyOf(whole, whole.length - 9));
    var error = assertThrows(BadLineException.class, () -> texts(new SkippedLines(), file));
    assertTrue(
        error.getMessage().matches(".*, line \\d+: the gzip data is damaged or ends early"),
        error::getMessage);
    Path header = write("header.jsonl.gz", Arrays.copyOf(whole, 5));
    assertThrows(BadLineException.class, () -> texts(new SkippedLines(), header));
  }

  @Test
  void skippedLinesAreCountedAndReported() throws IOException {
    String lines = "{\"text\": \"one\"}\n" + "{}\n".repeat(12) + "{\"text\": \"two\"}\n";
    Path file = write("some.jsonl", lines.getBytes(UTF_8));
    SkippedLines skipped = new SkippedLines();
    assertEquals(List.of("one", "two"), texts(skipped, file));
    assertEquals(12, skipped.count());
    assertEquals(10, skipped.first().size());
    List<String> report = skipped.describe().lines().toList();
    assertEquals("bad lines skipped: 12", report.get(0));
    assertEquals(
        "  " + file + ", line 2: no \"text\" or \"messages\"; the other keys are: (none)",
        report.get(1));
    assertEquals("  and 2 more", report.get(11));
    assertEquals("bad lines skipped: 0", new SkippedLines().describe());
  }

  @Test
  void filesAreLookedAtBeforeAnyIsRead() throws IOException {
    Path missing = folder.resolve("missing.jsonl");
    Path bad = write("bad.jsonl", "nonsense".getBytes(UTF_8));
    assertEquals(
        missing + ": there is no such file",
        assertThrows(IllegalArgumentException.class, () -> texts(BadLines.refuse(), bad, missing))
            .getMessage());
    assertEquals(
        folder + ": is not a file that can be read",
        assertThrows(IllegalArgumentException.class, () -> texts(BadLines.refuse(), bad, folder))
            .getMessage());
    assertEquals(
        "no data file was given",
        assertThrows(IllegalArgumentException.class, () -> texts(BadLines.refuse())).getMessage());
  }

  @Test
  void conversationsGoToTheEncoderTurnByTurn() throws IOException {
    Path file = folder.resolve("chat.jsonl");
    Files.writeString(
        file,
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
            + " {\"content\": \"b\", \"role\": \"assistant\"}]}\n{\"text\": \"c\"}\n");
    var encoder =
        new TextEncoder() {
          @Override
          public int[] encode(String text) {
            return new int[] {text.length()};
          }

          @Override
          public int[] encode(List<ChatMessage> messages) {
            assertEquals(
                List.of(new ChatMessage("user", "a"), new ChatMessage("assistant", "b")), messages);
            return new int[] {7};
          }
        };
    try (var reader = JsonlReader.raw(List.of(file), encoder, 99, BadLines.refuse())) {
      assertArrayEquals(new int[] {7}, reader.next().get(0));
      assertArrayEquals(new int[] {1}, reader.next().get(0));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'messages': []} | 'messages' is empty",
        "{'messages': [1]} | 'messages[0]' must be an object, got 1",
        "{'messages': [{'role': 'user'}]} | messages[0] has no 'content'",
        "{'messages': [{'role': 'user', 'content': ['a']}]} | 'messages[0].content' must be a string",
        "{'messages': [{'role': 'user', 'content': 'a', 'tool_calls': []}]} | messages[0] has 'tool_calls': only 'role' and 'content' are supported",
        "{'messages': [{'role': 'user', 'content': 'a'}], 'text': 'b'} | both 'text' and 'messages'",
        "{'messages': [{'role': 'user', 'content': 'a'}]} | 'messages' need a tokenizer with a chat template",
      })
  void aBadConversationIsNamed(String line, String reason) throws IOException {
    Path file = folder.resolve("chat.jsonl");
    Files.writeString(file, line.replace('\'', '"') + "\n");
    try (var reader = JsonlReader.raw(List.of(file), CHARACTERS, 99, BadLines.refuse())) {
      var e = assertThrows(BadLineException.class, reader::next);
      assertTrue(e.getMessage().contains(reason.replace('\'', '"')), e.getMessage());
    }
  }

  @Test
  void anIdThatTheTokenizerHasAndTheModelLacksIsNamed() throws IOException {
    Path file = write("raw.jsonl", "{\"text\": \"abc\"}".getBytes(UTF_8));
    try (var reader = JsonlReader.raw(List.of(file), CHARACTERS, 99, BadLines.refuse())) {
      assertEquals(
          file + ", line 1: tokens[2] is 99, outside the vocabulary of 99 tokens (0 to 98)",
          assertThrows(BadLineException.class, reader::next).getMessage());
    }
  }

  @Test
  void tokenizedLinesAreSplitAtTheirEnds() throws IOException {
    String lines =
        """
        {"input_ids": [1, 2, 3, 4, 5], "labels": 9, "source": [{"source": "cc", "start": 0, "end": 2}, {"end": 2}, {"end": 5}]}
        {"input_ids": [6, 7]}
        {"source": [], "input_ids": []}
        """;
    Path file = write("tokenized.jsonl", lines.getBytes(UTF_8));
    try (var reader = JsonlReader.tokenized(List.of(file), VOCABULARY, BadLines.refuse())) {
      assertEquals(
          List.of("[1, 2]", "[]", "[3, 4, 5]"),
          reader.next().stream().map(Arrays::toString).toList());
      assertEquals(List.of("[6, 7]"), reader.next().stream().map(Arrays::toString).toList());
      assertEquals(List.of(), reader.next());
      assertFalse(reader.hasNext());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"a\"}               | no \"input_ids\"; the other keys are: text",
        "{\"input_ids\": 5}              | \"input_ids\" must be an array of integers, got 5",
        "{\"input_ids\": null}           | \"input_ids\" must be an array of integers, got null",
        "{\"input_ids\": [1, 1.0]}       | \"input_ids\"[1] must be a 32-bit integer, got 1.0",
        "{\"input_ids\": [1e3]}          | \"input_ids\"[0] must be a 32-bit integer, got 1e3",
        "{\"input_ids\": [\"1\"]}        | \"input_ids\"[0] must be a 32-bit integer, got the string \"1\"",
        "{\"input_ids\": [true]}         | \"input_ids\"[0] must be a 32-bit integer, got true",
        "{\"input_ids\": [null]}         | \"input_ids\"[0] must be a 32-bit integer, got null",
        "{\"input_ids\": [[1]]}          | \"input_ids\"[0] must be a 32-bit integer, got an array",
        "{\"input_ids\": [2147483648]}   | \"input_ids\"[0] must be a 32-bit integer, got 2147483648",
        "{\"input_ids\": [99999999999999999999999]} | \"input_ids\"[0] must be a 32-bit integer, got 99999999999999999999999",
        "{\"input_ids\": [7, -1]}        | \"input_ids\"[1] is -1, must be at least 0",
        "{\"input_ids\": [7, 1000]}      | \"input_ids\"[1] is 1000, outside the vocabulary of 1000 tokens (0 to 999)",
        "{\"input_ids\": [1, 2, 1000], \"source\": [{\"end\": 2}, {\"end\": 3}]} | \"input_ids\"[2] is 1000, outside the vocabulary of 1000 tokens (0 to 999)",
        "{\"input_ids\": [1], \"source\": {\"end\": 1}}   | \"source\" must be an array of objects, got an object",
        "{\"input_ids\": [1], \"source\": [1]}            | \"source\"[0] must be an object with an \"end\", got 1",
        "{\"input_ids\": [1], \"source\": [{\"start\": 0}]} | \"source\"[0] has no \"end\"",
        "{\"input_ids\": [1], \"source\": [{\"end\": 1.0}]} | \"source\"[0].\"end\" must be a 32-bit integer, got 1.0",
        "{\"input_ids\": [1, 2], \"source\": [{\"end\": 3}]} | \"source\"[0].\"end\" is 3, must be from 0 (the end before it) to 2 (the length of \"input_ids\")",
        "{\"input_ids\": [1, 2], \"source\": [{\"end\": 2}, {\"end\": 1}]} | \"source\"[1].\"end\" is 1, must be from 2 (the end before it) to 2 (the length of \"input_ids\")",
        "{\"input_ids\": [1, 2], \"source\": [{\"end\": 1}]} | the last \"end\" of \"source\" is 1, but \"input_ids\" has 2 entries: it must be their number",
        "{\"input_ids\": [1, 2], \"source\": []} | the last \"end\" of \"source\" is 0, but \"input_ids\" has 2 entries: it must be their number",
      })
  void aBadTokenizedLineIsNamed(String line, String reason) throws IOException {
    Path file = write("bad.jsonl", line.getBytes(UTF_8));
    try (var reader = JsonlReader.tokenized(List.of(file), VOCABULARY, BadLines.refuse())) {
      assertEquals(
          file + ", line 1: " + reason,
          assertThrows(BadLineException.class, reader::next).getMessage());
    }
  }

  @Test
  void packedLinesBecomeRows() throws IOException {
    String lines =
        """
        {"input_ids": [1, 2, 3], "document_ids": [0, 5, -1]}
        {"labels": [-100, 2], "position_ids": [0, 7], "document_ids": [1, 1], "input_ids": [1, 2], "note": "x"}
        {"input_ids": [4], "document_ids": [1], "position_ids": null, "labels": null}
        """;
    Path file = write("packed.jsonl", lines.getBytes(UTF_8));
    try (var reader = JsonlReader.packed(List.of(file), VOCABULARY, 3, BadLines.refuse())) {
      assertEquals(new PackedRow(new int[] {1, 2, 3}, new int[] {0, 5, -1}), reader.next());
      PackedRow second = reader.next();
      assertArrayEquals(new int[] {0, 7}, second.positionIds());
      assertArrayEquals(new int[] {-100, 2}, second.labels());
      assertEquals(new PackedRow(new int[] {4}, new int[] {1}), reader.next());
      assertFalse(reader.hasNext());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"input_ids\": [1]}                          | no \"document_ids\"; the other keys are: (none)",
        "{\"document_ids\": [1], \"label\": [1]}       | no \"input_ids\"; the other keys are: label",
        "{\"input_ids\": [], \"document_ids\": []}     | \"input_ids\" is empty: a row holds at least one token",
        "{\"input_ids\": [1, 2], \"document_ids\": [1]} | \"document_ids\" has 1 entries, \"input_ids\" has 2: they must be as many",
        "{\"input_ids\": [1], \"document_ids\": [-2]}  | \"document_ids\"[0] is -2, must be at least -1",
        "{\"input_ids\": [1], \"document_ids\": [1.5]} | \"document_ids\"[0] must be a 32-bit integer, got 1.5",
        "{\"input_ids\": [1000], \"document_ids\": [1]} | \"input_ids\"[0] is 1000, outside the vocabulary of 1000 tokens (0 to 999)",
        "{\"input_ids\": [1], \"document_ids\": [1], \"labels\": [1000]} | \"labels\"[0] is 1000, outside the vocabulary of 1000 tokens (0 to 999)",
        "{\"input_ids\": [1], \"document_ids\": [1], \"labels\": [-1]} | \"labels\"[0] is -1, must be a token id or -100",
        "{\"input_ids\": [1, 1, 1, 1], \"document_ids\": [1, 1, 1, 1]} | the row has 4 tokens, the sequence length is 3",
      })
  void aBadPackedLineIsNamed(String line, String reason) throws IOException {
    Path file = write("bad.jsonl", line.getBytes(UTF_8));
    try (var reader = JsonlReader.packed(List.of(file), VOCABULARY, 3, BadLines.refuse())) {
      assertEquals(
          file + ", line 1: " + reason,
          assertThrows(BadLineException.class, reader::next).getMessage());
    }
  }
}
