package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class FailuresTest {
  @Command(name = "anchor4j")
  private static final class Nothing {}

  private final StringWriter err = new StringWriter();

  private int report(Throwable error) {
    Logs.start();
    var command = new CommandLine(new Nothing()).setErr(new PrintWriter(err, true));
    return new Failures().report(error, command);
  }

  @Test
  void anArgumentThisProjectRefusedIsTheUsersToMend() {
    assertEquals(2, report(new IllegalArgumentException("Attention: heads differ,\n  query [2]")));
    assertEquals("anchor4j: Attention: heads differ,; query [2]", err.toString().strip());
  }

  @Test
  void theParsersNameForItsSourceIsLeftOut() {
    var error =
        new IllegalArgumentException(
            "config.json, line 3: not valid JSON: expected close marker for Object (start marker at"
                + " [Source: REDACTED (`StreamReadFeature.X` disabled); line: 1, column: 1])");
    assertEquals(2, report(error));
    assertEquals(
        "anchor4j: config.json, line 3: not valid JSON: expected close marker for Object",
        err.toString().strip());
  }

  @Test
  void aMissingFileIsTheUsersToMendEvenInsideAStream() {
    assertEquals(2, report(new UncheckedIOException(new NoSuchFileException("a/b.jsonl"))));
    assertEquals("anchor4j: a/b.jsonl: no such file or directory", err.toString().strip());
  }

  @Test
  void anArgumentALibraryRefusedIsOurMistakeAndLeavesALog() throws IOException {
    var fromTheJdk = assertThrows(IllegalArgumentException.class, () -> new ArrayList<>(-1));
    assertEquals(1, report(fromTheJdk));
    Matcher line =
        Pattern.compile("anchor4j: IllegalArgumentException: .* \\(details in (.*\\.log)\\)\\R")
            .matcher(err.toString());
    assertTrue(line.matches(), err.toString());
    Path log = Path.of(line.group(1));
    assertTrue(Files.readString(log).contains("at io.anchor4j.samples.cli.FailuresTest"));
    Files.delete(log);
  }

  @Test
  void runningOutOfMemorySaysWhatToTry() throws IOException {
    assertEquals(1, report(new OutOfMemoryError("Java heap space")));
    assertTrue(
        err.toString()
            .startsWith("anchor4j: out of memory: Java heap space. Use a shorter sequence length"),
        err.toString());
    Files.delete(Path.of(err.toString().replaceAll("(?s).*details in (.*\\.log)\\).*", "$1")));
  }
}
