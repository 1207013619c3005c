package io.anchor4j.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.zip.GZIPOutputStream;

/** Writes packed rows as JSON Lines. */
public final class PackedWriter {
  private PackedWriter() {}

  /**
   * Writes the rows to a file, whole or not at all, and returns how many there were.
   *
   * <p>They go to a file beside it, which takes its place once it is complete and on the disk. If
   * taking the rows or writing them fails, an older file of this name stays as it was. Missing
   * folders are made. Links, devices and pipes are as {@link WholeFile#write(Path,
   * WholeFile.Content)} says.
   *
   * @param file gzipped if its name ends in {@code .gz}
   * @throws IllegalArgumentException if {@code file} is a folder, or there is no row: an empty file
   *     would only fail later
   */
  public static long write(Path file, Iterator<PackedRow> rows) throws IOException {
    WholeFile.requireNoFolder(file);
    if (!rows.hasNext()) {
      throw new IllegalArgumentException(file + ": there is no row to write");
    }
    Files.createDirectories(file.toAbsolutePath().getParent());
    long[] count = new long[1];
    WholeFile.write(file, channel -> count[0] = writeTo(channel, isGzip(file), rows));
    return count[0];
  }

  private static boolean isGzip(Path file) {
    return file.getFileName().toString().endsWith(".gz");
  }

  private static long writeTo(FileChannel channel, boolean gzip, Iterator<PackedRow> rows)
      throws IOException {
    OutputStream bytes = Channels.newOutputStream(channel);
    OutputStream stream = gzip ? new GZIPOutputStream(bytes, 1 << 16) : bytes;
    Writer writer = new BufferedWriter(new OutputStreamWriter(stream, UTF_8), 1 << 16);
    long count = 0;
    for (; rows.hasNext(); count++) {
      writer.append(line(rows.next()));
    }
    writer.flush();
    if (stream instanceof GZIPOutputStream member) {
      member.finish();
    }
    return count;
  }

  private static CharSequence line(PackedRow row) {
    StringBuilder line = new StringBuilder(8 * row.length() + 64);
    line.append("{\"input_ids\": ");
    append(line, row.inputIds());
    line.append(", \"document_ids\": ");
    append(line, row.documentIds());
    if (row.positionIds() != null) {
      line.append(", \"position_ids\": ");
      append(line, row.positionIds());
    }
    if (row.labels() != null) {
      line.append(", \"labels\": ");
      append(line, row.labels());
    }
    return line.append("}\n");
  }

  private static void append(StringBuilder line, int[] values) {
    line.append('[');
    for (int i = 0; i < values.length; i++) {
      line.append(i == 0 ? "" : ", ").append(values[i]);
    }
    line.append(']');
  }
}
