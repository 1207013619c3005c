package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputsTest {
  @TempDir Path directory;

  private void assertScoreRefuses(Path output, String reason) {
    // The model holds nothing that loads: a check that comes too late complains of that instead.
    CommandLineRun run =
        CommandLineRun.of(
            "score",
            "--model",
            directory.resolve("model").toString(),
            "--data",
            directory.resolve("rows.jsonl").toString(),
            "--output",
            output.toString());
    assertEquals("anchor4j score: " + output + ": " + reason, run.err().strip());
    assertEquals(2, run.code());
  }

  @Test
  void scoreRefusesAnOutputThatIsAFolderOrAnInputBeforeAnyWork() throws IOException {
    Path data = Files.writeString(directory.resolve("rows.jsonl"), "rows");
    Path model = Files.createDirectory(directory.resolve("model"));
    Path config = Files.writeString(model.resolve("config.json"), "{}");
    assertScoreRefuses(directory, "is a folder, not a file to write");
    assertScoreRefuses(data, "the output is one of the inputs");
    assertScoreRefuses(config, "the output is one of the inputs");
    assertScoreRefuses(
        Files.createLink(directory.resolve("hard"), data), "the output is one of the inputs");
  }

  @Test
  void plotOfAFileThatIsNoTextNamesIt() throws IOException {
    Path file = Files.write(directory.resolve("model.bin"), new byte[] {(byte) 0xff, 0, 1});
    CommandLineRun run = CommandLineRun.of("plot", file.toString());
    assertEquals(
        "anchor4j plot: " + file + ": not UTF-8 text, so no run's metrics", run.err().strip());
    assertEquals(2, run.code());
  }
}
