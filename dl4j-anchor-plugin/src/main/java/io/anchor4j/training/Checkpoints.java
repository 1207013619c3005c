package io.anchor4j.training;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The directory {@code checkpoints} of a run, with one directory {@code step-N} a checkpoint.
 *
 * <p>A checkpoint is there whole or not at all: it is written under another name, forced to the
 * disk and renamed; one that goes is renamed first and deleted then. So whatever moment a process
 * is killed at, every {@code step-N} is whole, and what else lies here is a leftover.
 */
final class Checkpoints {
  private static final Pattern NAME = Pattern.compile("step-([0-9]{1,18})");
  private static final String LEFTOVER = ".";

  private final Path directory;

  Checkpoints(Path directory) {
    this.directory = directory;
  }

  /** Writes the files of a checkpoint. */
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
   * Writes the checkpoint of a step that has none yet, and deletes the oldest ones beyond {@code
   * keep}.
   *
   * @throws IOException if it cannot be written; then the others are as they were
   */
  Path save(long step, int keep, Content content) throws IOException {
    Files.createDirectories(directory);
    deleteLeftovers();
    Path target = directory.resolve("step-" + step);
    Path temporary = directory.resolve(LEFTOVER + target.getFileName());
    Files.createDirectory(temporary);
    content.writeTo(temporary);
    force(temporary);
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    force(directory);
    List<Path> all = list();
    for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
      delete(old);
    }
    return target;
  }

  /** Returns the checkpoints there are, oldest first. */
  List<Path> list() {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(entry -> NAME.matcher(entry.getFileName().toString()).matches())
          .filter(Files::isDirectory)
          .sorted(Comparator.comparingLong(Checkpoints::step))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(directory + " cannot be listed", e);
    }
  }

  /** Returns the checkpoint of the latest step. */
  Optional<Path> newest() {
    List<Path> all = list();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
  }

  /**
   * Deletes what processes that were killed left behind.
   *
   * @throws IOException if it cannot be deleted
   */
  private void deleteLeftovers() throws IOException {
    List<Path> leftovers;
    try (Stream<Path> entries = Files.list(directory)) {
      leftovers =
          entries.filter(entry -> entry.getFileName().toString().startsWith(LEFTOVER)).toList();
    }
    for (Path leftover : leftovers) {
      MoreFiles.deleteRecursively(leftover, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  private void delete(Path checkpoint) throws IOException {
    Path renamed = directory.resolve(LEFTOVER + "old-" + checkpoint.getFileName());
    Files.move(checkpoint, renamed, StandardCopyOption.ATOMIC_MOVE);
    MoreFiles.deleteRecursively(renamed, RecursiveDeleteOption.ALLOW_INSECURE);
  }

  private static long step(Path checkpoint) {
    return Long.parseLong(checkpoint.getFileName().toString().substring("step-".length()));
  }

  /**
   * Puts the entries of a directory on the disk, where the system can: Windows opens no directory.
   */
  private static void force(Path directory) throws IOException {
    if (!System.getProperty("os.name").startsWith("Windows")) {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
