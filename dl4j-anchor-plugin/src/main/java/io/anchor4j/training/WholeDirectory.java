package io.anchor4j.training;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * Directories that are there whole or not at all: one is written under another name, forced to the
 * disk and renamed; one that goes is renamed first and deleted then. What a killed process leaves
 * behind begins with a dot and the prefix below.
 */
final class WholeDirectory {
  private static final String LEFTOVER = ".anchor4j-unfinished-";

  private WholeDirectory() {}

  /** Writes the files of a directory. */
  @FunctionalInterface
  interface Content {
    /**
     * Writes every file to {@code directory}, each forced to the disk.
     *
     * @throws IOException if one cannot be written
     */
    void writeTo(Path directory) throws IOException;
  }

  /**
   * Writes a directory; one that stood there goes just before. What an earlier attempt at this
   * directory left is deleted; what lies there of others may be being written right now.
   *
   * @throws IOException if it cannot be written; then what stood there still does
   */
  static void write(Path target, Content content) throws IOException {
    Path parent = target.toAbsolutePath().getParent();
    Files.createDirectories(parent);
    Path temporary = leftover(target);
    deleteIfThere(temporary);
    Files.createDirectory(temporary);
    try {
      content.writeTo(temporary);
    } catch (IOException | RuntimeException e) {
      MoreFiles.deleteRecursively(temporary, RecursiveDeleteOption.ALLOW_INSECURE);
      throw e;
    }
    force(temporary);
    delete(target);
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    force(parent);
  }

  /**
   * Deletes a directory, if there is one.
   *
   * @throws IOException if it cannot be deleted
   */
  static void delete(Path directory) throws IOException {
    if (Files.exists(directory)) {
      Path renamed = leftover(directory.resolveSibling("old-" + directory.getFileName()));
      deleteIfThere(renamed);
      Files.move(directory, renamed, StandardCopyOption.ATOMIC_MOVE);
      MoreFiles.deleteRecursively(renamed, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  private static Path leftover(Path target) {
    return target.resolveSibling(LEFTOVER + target.getFileName());
  }

  /**
   * Deletes all leftovers in a directory that nobody else writes to.
   *
   * @throws IOException if one cannot be deleted
   */
  static void deleteLeftovers(Path parent) throws IOException {
    List<Path> leftovers;
    try (Stream<Path> entries = Files.list(parent)) {
      leftovers =
          entries.filter(entry -> entry.getFileName().toString().startsWith(LEFTOVER)).toList();
    }
    for (Path leftover : leftovers) {
      deleteIfThere(leftover);
    }
  }

  private static void deleteIfThere(Path directory) throws IOException {
    if (Files.exists(directory)) {
      MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  /** Puts the entries of a directory on the disk, where the system can: Windows opens none. */
  private static void force(Path directory) throws IOException {
    if (!System.getProperty("os.name").startsWith("Windows")) {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
