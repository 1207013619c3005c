package io.anchor4j.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.UUID;
import java.util.zip.GZIPOutputStream;

/** Writes packed rows as JSON Lines. */
public final class PackedWriter {
  private PackedWriter() {}

  /**
   * Writes the rows to a file, whole or not at all, and returns how many there were.
   *
   * <p>They go to a file beside it, which takes its place once it is complete and on the disk. If
   * taking the rows or writing them fails, an older file of this name stays as it was. Missing
   * folders are made.
   *
   * @param file gzipped if its name ends in {@code .gz}
   * @throws IllegalArgumentException if {@code file} is a folder, or there is no row: an empty file
   *     would only fail later
   */
  public static long write(Path file, Iterator<PackedRow> rows) throws IOException {
    if (Files.isDirectory(file)) {
      throw new IllegalArgumentException(file + ": is a folder, not a file to write");
    }
    if (!rows.hasNext()) {
      throw new IllegalArgumentException(file + ": there is no row to write");
    }
    Path folder = file.toAbsolutePath().getParent();
    Files.createDirectories(folder);
    // Not createTempFile: it makes files that only their owner may read.
    Path unfinished = folder.resolve("." + file.getFileName() + "." + UUID.randomUUID());
    try {
      long count = writeTo(unfinished, isGzip(file), rows);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      return count;
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static boolean isGzip(Path file) {
    return file.getFileName().toString().endsWith(".gz");
  }

  private static long writeTo(Path file, boolean gzip, Iterator<PackedRow> rows)
      throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
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
      channel.force(true); // else a power cut could leave a renamed file without its content
      return count;
    }
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
