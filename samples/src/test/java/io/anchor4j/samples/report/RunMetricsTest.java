package io.anchor4j.samples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunMetricsTest {
  private static final String STEP =
      "{\"step\":%d,\"loss\":2.5,\"learning_rate\":1e-3,\"gradient_norm\":0.75,"
          + "\"tokens_per_second\":1000,\"elapsed_seconds\":%d}\n";

  @TempDir Path run;

  private RunMetrics read(String text) throws IOException {
    Files.writeString(run.resolve("metrics.jsonl"), text);
    return RunMetrics.read(run);
  }

  @Test
  void stepsAndValidationsAreReadInOrder() throws IOException {
    RunMetrics metrics =
        read(STEP.formatted(1, 2) + STEP.formatted(2, 4) + "{\"step\":2,\"validation_loss\":3}\n");
    assertEquals(
        List.of(
            new StepMetrics(1, 2.5, 1e-3, 0.75, 1000, 2),
            new StepMetrics(2, 2.5, 1e-3, 0.75, 1000, 4)),
        metrics.steps());
    assertEquals(List.of(new RunMetrics.Validation(2, 3)), metrics.validations());
    assertEquals(run.getFileName().toString(), metrics.name());
  }

  @Test
  void aLastLineStillBeingWrittenIsLeftOut() throws IOException {
    assertEquals(1, read(STEP.formatted(1, 2) + "{\"step\":2,\"lo").steps().size());
  }

  @Test
  void aBadLineIsNamed() {
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> read(STEP.formatted(1, 2) + "{\"step\":2}\n"));
    assertEquals(
        run.resolve("metrics.jsonl") + ":2: expected a number under \"loss\", got null",
        error.getMessage());
    error = assertThrows(IllegalArgumentException.class, () -> read("3\n"));
    assertEquals(
        run.resolve("metrics.jsonl") + ":1: expected a JSON object with the step's metrics",
        error.getMessage());
  }

  @Test
  void aRunWithoutAStepSaysSo() {
    var error = assertThrows(IllegalArgumentException.class, () -> read(""));
    assertEquals(run.resolve("metrics.jsonl") + ": holds no training step yet", error.getMessage());
  }
}
