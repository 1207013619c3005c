package io.anchor4j.samples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFileTest {
  @TempDir Path directory;

  @Test
  void aWriteThatFailsLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = directory.resolve("result.txt");
    OutputFile.write(file, "old");
    assertThrows(
        IOException.class,
        () ->
            OutputFile.write(
                file,
                out -> {
                  out.write('n');
                  throw new IOException("disk full");
                }));
    assertEquals("old", Files.readString(file));
    try (var files = Files.list(directory)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void parentDirectoriesAreMade() throws IOException {
    Path file = directory.resolve("a/b/c.txt");
    OutputFile.write(file, "new");
    assertEquals("new", Files.readString(file));
  }
}
