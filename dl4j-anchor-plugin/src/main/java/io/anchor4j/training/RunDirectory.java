package io.anchor4j.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The directory that a run begins in: one of its own, and gone again if nothing was written to it.
 */
final class RunDirectory implements AutoCloseable {
  private final List<Path> created;

  private RunDirectory(List<Path> created) {
    this.created = created;
  }

  /**
   * Checks that a run which begins with its first step may write to a directory: it is not there,
   * empty, or that of a run that ended before its first checkpoint.
   *
   * @return whether such a run was there
   * @throws IllegalArgumentException if something else is there; the message names it
   */
  static boolean checkForFirstStep(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return false;
    }
    if (!Files.isDirectory(directory)) {
      throw new IllegalArgumentException(
          directory + " is a file, not a directory: choose another output");
    }
    Path model = directory.resolve(TrainingRun.MODEL);
    if (Files.exists(model)) {
      throw new IllegalArgumentException(
          model + " is there already, and no checkpoint beside it: choose another output");
    }
    Path config = directory.resolve(Checkpoint.CONFIG);
    boolean metrics = Files.exists(directory.resolve(TrainingRun.METRICS));
    if (Files.exists(config) && !metrics) {
      throw new IllegalArgumentException(
          config + " is there already, and no run beside it: choose another output");
    }
    if (!metrics) {
      foreign(directory)
          .ifPresent(
              file -> {
                throw new IllegalArgumentException(
                    "%s holds %s, which is no file of a run: choose another output"
                        .formatted(directory, file.getFileName()));
              });
    }
    return metrics;
  }

  /** Hidden files are a killed run's, unfinished, or the system's. */
  private static Optional<Path> foreign(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(entry -> !entry.getFileName().toString().startsWith("."))
          .filter(entry -> !entry.endsWith(TrainingRun.CHECKPOINTS))
          .min(Path::compareTo);
    }
  }

  /**
   * Makes a directory, and those above it where they are missing.
   *
   * @throws IOException if it cannot be made
   */
  static RunDirectory create(Path directory) throws IOException {
    List<Path> missing = new ArrayList<>();
    for (Path path = directory.toAbsolutePath();
        path != null && !Files.exists(path);
        path = path.getParent()) {
      missing.add(path);
    }
    Files.createDirectories(directory);
    return new RunDirectory(missing);
  }

  /** Deletes what was made, as far as it is empty. */
  @Override
  public void close() {
    try {
      for (Path path : created) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      // Not empty: the run has written to it, and to all directories above it.
    }
  }
}
