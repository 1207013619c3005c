package io.anchor4j.huggingface.safetensors;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {
  @TempDir Path folder;

  private static void write(Path file, String text) throws IOException {
    WholeFile.write(file, text.getBytes(UTF_8));
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aLinkStaysAndTheFileItPointsAtIsWritten() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("file"));
    Path second = Files.createSymbolicLink(folder.resolve("second"), link);
    write(second, "new");
    assertEquals("new", Files.readString(file));
    assertTrue(Files.isSymbolicLink(link) && Files.isSymbolicLink(second));
    assertEquals(List.of("file", "link", "second"), names());
  }

  @Test
  void aLinkToNothingYetStaysAndItsFileAppears() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("file"));
    write(link, "new");
    assertEquals("new", Files.readString(folder.resolve("file"), UTF_8));
    assertTrue(Files.isSymbolicLink(link));
  }

  /** A failure of this test hangs on the pipe's other end without the limit. */
  @Test
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aPipeIsWrittenThroughAndStaysAPipe() throws Exception {
    Path pipe = folder.resolve("pipe");
    assumeTrue(
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "mkfifo is missing");
    Path link = Files.createSymbolicLink(folder.resolve("link"), pipe);
    for (Path name : List.of(pipe, link)) {
      CompletableFuture<String> read =
          CompletableFuture.supplyAsync(
              () -> {
                // Closed at once: a reader left open lets the next write pass with nobody reading.
                try (InputStream in = Files.newInputStream(pipe)) {
                  return new String(in.readAllBytes(), UTF_8);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      write(name, "text");
      assertEquals("text", read.get(10, TimeUnit.SECONDS));
      assertFalse(Files.isRegularFile(pipe, LinkOption.NOFOLLOW_LINKS));
      assertTrue(Files.isSymbolicLink(link));
    }
    assertEquals(List.of("link", "pipe"), names());
  }

  @Test
  void aFolderIsRefused() throws IOException {
    var refused = assertThrows(IllegalArgumentException.class, () -> write(folder, "x"));
    assertEquals(folder + ": is a folder, not a file to write", refused.getMessage());
    assertEquals(List.of(), names());
  }

  @Test
  void aFailureNamesTheFileThatWasAskedFor() {
    Path file = folder.resolve("missing/file");
    var failure = assertThrows(NoSuchFileException.class, () -> write(file, "x"));
    assertEquals(file.toString(), failure.getFile());
  }
}
