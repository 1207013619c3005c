package io.anchor4j.huggingface.safetensors;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Writes several files of a directory that belong together. */
public final class WholeFiles {
  private WholeFiles() {}

  /** Writes the files. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes every file to {@code directory}.
     *
     * @throws IOException if one cannot be written
     */
    void writeTo(Path directory) throws IOException;
  }

  /**
   * Writes files to a folder inside {@code directory}, and moves them into it once all are whole.
   * Others that are there stay, but for those of earlier content, which go last. The moves are
   * renames one by one: a process that ends among them leaves some files new and some old.
   *
   * @param directory made if it does not exist
   * @param earlier says which names are of earlier content, and go where they are not replaced
   * @throws IOException if a file cannot be written; unless it is a rename that fails, all files
   *     are then as they were
   */
  public static void write(Path directory, Predicate<String> earlier, Content content)
      throws IOException {
    boolean made = !Files.exists(directory);
    Files.createDirectories(directory);
    Path unfinished = Files.createTempDirectory(directory, ".unfinished-");
    try {
      content.writeTo(unfinished);
      List<Path> files = list(unfinished);
      for (Path file : files) {
        WholeFile.requireNoFolder(directory.resolve(file.getFileName()));
      }
      Set<Path> written = new HashSet<>();
      made = false;
      for (Path file : files) {
        written.add(
            Files.move(
                file, directory.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING));
      }
      for (Path old : list(directory)) {
        if (earlier.test(old.getFileName().toString()) && !written.contains(old)) {
          Files.delete(old);
        }
      }
    } finally {
      MoreFiles.deleteRecursively(unfinished, RecursiveDeleteOption.ALLOW_INSECURE);
      if (made) {
        Files.delete(directory);
      }
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }
}
