package io.anchor4j.samples.report;

import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes files that appear complete or not at all, in directories that are made if missing. */
public final class OutputFile {
  /** What fills a file. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to {@code out}, which the caller closes. */
    void writeTo(OutputStream out) throws IOException;
  }

  private OutputFile() {}

  /** Writes {@code text} in UTF-8, replacing {@code file} if it exists. */
  public static void write(Path file, String text) throws IOException {
    write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Writes {@code content}, replacing {@code file} if it is a regular file; a device or a pipe is
   * written directly.
   *
   * @throws IllegalArgumentException if {@code file} is a folder
   */
  public static void write(Path file, Content content) throws IOException {
    WholeFile.requireNoFolder(file);
    Files.createDirectories(file.toAbsolutePath().getParent());
    WholeFile.write(
        file,
        channel -> {
          var out = new BufferedOutputStream(Channels.newOutputStream(channel));
          content.writeTo(out);
          out.flush();
        });
  }
}
