package io.anchor4j.samples.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;

/** The directory that the demo fills, and what lies where in it. */
final class DemoDirectory {
  /** Says that the demo made this directory, and may therefore clear it. */
  private static final String MARK = ".anchor4j-demo";

  private final Path root;

  /**
   * Makes the directory, or clears the results of an earlier demo out of it.
   *
   * @throws IllegalArgumentException if it holds anything that is not an earlier demo's
   */
  DemoDirectory(Path root) throws IOException {
    this.root = root;
    if (Files.exists(root) && !Files.isDirectory(root)) {
      throw new IllegalArgumentException(root + ": is a file; --output must name a directory");
    }
    if (Files.exists(root) && !isEmpty(root)) {
      if (!Files.exists(root.resolve(MARK))) {
        throw new IllegalArgumentException(
            root + ": holds files that are no earlier demo's; choose another --output");
      }
      for (Path own :
          List.of(data(), tokenizer(), trial(), run("short"), plots(), report(), runFiles())) {
        delete(own);
      }
      for (String arm : Demo.ARMS) {
        delete(run(arm));
      }
    }
    Files.createDirectories(root);
    Files.writeString(root.resolve(MARK), "Made by the demo of dl4j-anchor.\n");
  }

  Path root() {
    return root;
  }

  Path data() {
    return root.resolve("data");
  }

  Path tokenizer() {
    return root.resolve("tokenizer");
  }

  Path runFiles() {
    return root.resolve("run-files");
  }

  /** A few steps, to learn how long one takes. */
  Path trial() {
    return root.resolve("trial");
  }

  Path run(String name) {
    return root.resolve(name);
  }

  Path model(String name) {
    return run(name).resolve("model");
  }

  Path plots() {
    return root.resolve("plots");
  }

  Path report() {
    return root.resolve("report.md");
  }

  /** Deletes a file or a directory with all it holds, if it exists; links are not followed. */
  static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, IOException error)
              throws IOException {
            if (error != null) {
              throw error;
            }
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static boolean isEmpty(Path directory) {
    try (var files = Files.list(directory)) {
      return files.findAny().isEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
