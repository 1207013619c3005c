package io.anchor4j.samples.cli;

import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Checks a verb's output file before the work starts, not when it ends. */
final class Outputs {
  private Outputs() {}

  /**
   * Checks that {@code output} can be written without harm to what is read.
   *
   * @param inputs files, and directories whose files are all inputs; those missing are passed over
   * @throws IllegalArgumentException if {@code output} is a directory or, by whatever name or link,
   *     one of the inputs
   */
  static void check(Path output, List<Path> inputs) throws IOException {
    WholeFile.requireNoFolder(output);
    if (!Files.isRegularFile(output)) { // a terminal may well be read and written
      return;
    }
    for (Path input : inputs) {
      if (Files.isDirectory(input)) {
        try (Stream<Path> files = Files.list(input)) {
          for (Path file : files.toList()) {
            requireOther(output, file);
          }
        }
      } else {
        requireOther(output, input);
      }
    }
  }

  private static void requireOther(Path output, Path input) throws IOException {
    if (Files.exists(input) && Files.isSameFile(output, input)) {
      throw new IllegalArgumentException(output + ": the output is one of the inputs");
    }
  }
}
