package io.anchor4j.samples.report;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes files that appear complete or not at all, whatever interrupts the program. */
public final class WholeFile {
  /** What fills a file. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to {@code out}, which the caller closes. */
    void writeTo(OutputStream out) throws IOException;
  }

  private WholeFile() {}

  /** Writes {@code text} in UTF-8, replacing {@code file} if it exists. */
  public static void write(Path file, String text) throws IOException {
    write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Writes {@code content} under a temporary name beside {@code file}, then renames it. Missing
   * parent directories are made.
   */
  public static void write(Path file, Content content) throws IOException {
    Path absolute = file.toAbsolutePath();
    Path directory = Files.createDirectories(absolute.getParent());
    // Not Files.createTempFile: its files are readable by their owner alone, and stay so.
    long process = ProcessHandle.current().pid();
    Path temporary = directory.resolve("." + absolute.getFileName() + "." + process + ".part");
    try {
      try (var out = new BufferedOutputStream(Files.newOutputStream(temporary))) {
        content.writeTo(out);
      }
      Files.move(
          temporary, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
