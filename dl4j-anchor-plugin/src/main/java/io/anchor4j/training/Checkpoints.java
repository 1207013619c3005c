package io.anchor4j.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The directory {@code checkpoints} of a run, with one directory {@code step-N} a checkpoint.
 * Whatever moment a process is killed at, every {@code step-N} is whole (see {@link
 * WholeDirectory}), and what else lies here is a leftover.
 */
final class Checkpoints {
  private static final Pattern NAME = Pattern.compile("step-([0-9]{1,18})");

  private final Path directory;

  Checkpoints(Path directory) {
    this.directory = directory;
  }

  /**
   * Writes the checkpoint of a step, and deletes the oldest ones beyond {@code keep}.
   *
   * @throws IOException if it cannot be written; then the others are as they were
   */
  Path save(long step, int keep, WholeDirectory.Content content) throws IOException {
    Files.createDirectories(directory);
    WholeDirectory.deleteLeftovers(directory);
    Path target = directory.resolve("step-" + step);
    WholeDirectory.write(target, content);
    List<Path> all = list();
    for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
      WholeDirectory.delete(old);
    }
    return target;
  }

  /** Returns the checkpoint of the latest step. */
  Optional<Path> newest() {
    List<Path> all = list();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
  }

  /** Returns the checkpoints there are, oldest first. */
  private List<Path> list() {
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

  private static long step(Path checkpoint) {
    return Long.parseLong(checkpoint.getFileName().toString().substring("step-".length()));
  }
}
