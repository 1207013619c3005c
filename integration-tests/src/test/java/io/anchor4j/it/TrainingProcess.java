package io.anchor4j.it;

import io.anchor4j.data.BadLines;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.TrainingProgress;
import io.anchor4j.training.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A process that trains, going on from the newest checkpoint if there is one. */
final class TrainingProcess {
  private TrainingProcess() {}

  /** Trains as the run file {@code arguments[0]} says. */
  public static void main(String[] arguments) throws IOException {
    RunConfig config = RunConfig.read(Path.of(arguments[0]), List.of());
    boolean resume = hasCheckpoint(Path.of(config.output(), "checkpoints"));
    new TrainingRun(config, BadLines.refuse()).run(resume, TrainingProgress.NONE);
  }

  private static boolean hasCheckpoint(Path checkpoints) throws IOException {
    if (!Files.isDirectory(checkpoints)) {
      return false;
    }
    try (Stream<Path> entries = Files.list(checkpoints)) {
      return entries.anyMatch(entry -> entry.getFileName().toString().startsWith("step-"));
    }
  }

  /** Starts a process of its own. */
  static Process start(Path runFile) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-Dorg.bytedeco.javacpp.maxbytes=1g",
            "-cp",
            System.getProperty("java.class.path"),
            TrainingProcess.class.getName(),
            runFile.toString())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(runFile.resolveSibling("log").toFile()))
        .start();
  }
}
