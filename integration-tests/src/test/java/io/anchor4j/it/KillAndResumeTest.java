package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Training that is killed by the system, at moments of its choosing, and goes on. */
class KillAndResumeTest {
  private static final int STEPS = 14;
  private static final Path SOURCES = Path.of("..", "samples", "src", "main").toAbsolutePath();
  private static final Path TOKENIZER =
      SOURCES.resolve("resources/io/anchor4j/samples/tokenizer").normalize();

  @TempDir Path directory;

  @BeforeEach
  void writeCorpus() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.walk(SOURCES.resolve("java"))) {
      for (Path file : files.filter(Files::isRegularFile).sorted().limit(12).toList()) {
        String text = Files.readString(file);
        lines.add(json.writeValueAsString(Map.of("text", text.substring(0, text.length() / 3))));
      }
    }
    Files.write(directory.resolve("corpus.jsonl"), lines);
  }

  private Path runFile(String name) throws IOException {
    int vocabulary;
    try (Tokenizer tokenizer = Tokenizer.load(TOKENIZER)) {
      vocabulary = tokenizer.size();
    }
    Path run = Files.createDirectory(directory.resolve(name));
    return Files.writeString(
        run.resolve("run.yaml"),
        """
        model:
          config: {model_type: llama, vocab_size: VOCABULARY, hidden_size: 32, intermediate_size: 64,
            num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2}
          tokenizer: TOKENIZER
        data: {train: [DIRECTORY/corpus.jsonl], validation: [DIRECTORY/corpus.jsonl], sequenceLength: 64}
        training:
          steps: STEPS
          batchSize: 2
          gradientAccumulation: 2
          learningRate: 1e-3
          checkpointEvery: 2
        output: DIRECTORY/NAME/run
        """
            .replace("VOCABULARY", Integer.toString(vocabulary))
            .replace("TOKENIZER", TOKENIZER.toString())
            .replace("DIRECTORY", directory.toString())
            .replace("STEPS", Integer.toString(STEPS))
            .replace("NAME", name));
  }

  /** Not where the run file and the log are: a run begins in a directory of its own. */
  private static Path output(Path runFile) {
    return runFile.resolveSibling("run");
  }

  private static void finish(Path runFile) throws IOException, InterruptedException {
    int code = TrainingProcess.start(runFile).waitFor();
    assertEquals(0, code, () -> read(runFile.resolveSibling("log")));
  }

  /** Kills a process as soon as {@code moment} has come, which must be before its end. */
  private static void kill(Path runFile, Moment moment) throws IOException, InterruptedException {
    Process process = TrainingProcess.start(runFile);
    while (!moment.hasCome(output(runFile))) {
      if (!process.isAlive()) {
        throw new AssertionError("ended before its time: " + read(runFile.resolveSibling("log")));
      }
      Thread.sleep(1);
    }
    process.destroyForcibly(); // SIGKILL
    assertNotEquals(0, process.waitFor());
  }

  private interface Moment {
    boolean hasCome(Path run) throws IOException;
  }

  private static Moment afterLines(int lines) {
    return run -> {
      Path metrics = run.resolve("metrics.jsonl");
      return Files.exists(metrics) && read(metrics).lines().count() >= lines;
    };
  }

  /** While a checkpoint is being written, if it can be caught at that, or else some lines later. */
  private static Moment inACheckpointOrAfterLines(int lines) {
    return run -> {
      Path checkpoints = run.resolve("checkpoints");
      if (!Files.isDirectory(checkpoints)) {
        return false;
      }
      try (Stream<Path> entries = Files.list(checkpoints)) {
        boolean caught =
            entries.anyMatch(
                entry -> entry.getFileName().toString().startsWith(".anchor4j-unfinished"));
        return caught || afterLines(lines).hasCome(run);
      }
    };
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String metrics(Path run) {
    return read(run.resolve("metrics.jsonl")).replaceAll(",\"tokens_per_second\":[^}]*", "");
  }

  @Test
  @Timeout(300)
  void theResultIsThatOfARunThatWasLeftAlone() throws IOException, InterruptedException {
    Path alone = runFile("alone");
    finish(alone);
    Path killed = runFile("killed");
    kill(killed, afterLines(1)); // before the first checkpoint
    kill(killed, afterLines(6)); // after a checkpoint: 4 steps and 2 validations
    kill(killed, inACheckpointOrAfterLines(10));
    assertFalse(Files.exists(output(killed).resolve("model")));
    finish(killed);
    assertEquals(metrics(output(alone)), metrics(output(killed)));
    assertEquals(STEPS + STEPS / 2, metrics(output(alone)).lines().count());
    String last = "checkpoints/step-" + STEPS;
    for (String file :
        List.of(
            "model/model.safetensors",
            "model/tokenizer.json",
            last + "/weights.safetensors",
            last + "/optimizer.safetensors")) {
      assertArrayEquals(
          Files.readAllBytes(output(alone).resolve(file)),
          Files.readAllBytes(output(killed).resolve(file)),
          file);
    }
  }
}
