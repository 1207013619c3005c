package io.anchor4j.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Starts samples/bin/anchor4j as a user does, in a process of its own. */
final class Launcher {
  /** The launcher's place in this checkout. */
  static final Path SCRIPT = Path.of("..", "samples", "bin", "anchor4j").toAbsolutePath();

  /**
   * What came of a command.
   *
   * @param code its exit code
   */
  record Result(int code, String out, String err) {}

  private final Path directory;

  /** Commands run in {@code directory}. */
  Launcher(Path directory) {
    this.directory = directory;
  }

  /** Runs the launcher on the JDK that runs this test. */
  Result run(String... args) throws IOException, InterruptedException {
    return run(SCRIPT, Map.of("JAVA_HOME", System.getProperty("java.home")), args);
  }

  /** Runs {@code script} with {@code environment} added to this process's own. */
  Result run(Path script, Map<String, String> environment, String... args)
      throws IOException, InterruptedException {
    Path out = Files.createTempFile("anchor4j-it", ".out");
    Path err = Files.createTempFile("anchor4j-it", ".err");
    try {
      var command = new ArrayList<>(List.of(script.toString()));
      command.addAll(List.of(args));
      var builder =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile());
      builder.environment().putAll(environment);
      int code = builder.start().waitFor();
      return new Result(code, Files.readString(out), Files.readString(err));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }
}
