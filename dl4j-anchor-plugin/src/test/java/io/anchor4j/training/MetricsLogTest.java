package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {
  private static final String FIRST =
      "{\"step\":1,\"loss\":5.25,\"learning_rate\":2.0E-5,\"gradient_norm\":0.1,"
          + "\"tokens_per_second\":100.0,\"elapsed_seconds\":0.5}\n";
  private static final String SECOND = FIRST.replace(":1,", ":2,");
  private static final String VALIDATED = "{\"step\":2,\"validation_loss\":5.5}\n";
  private static final String THIRD = FIRST.replace(":1,", ":3,");

  @TempDir Path directory;

  private void append(Path file, long lastStep, long... steps) throws IOException {
    try (MetricsLog log = MetricsLog.open(file, lastStep)) {
      for (long step : steps) {
        log.step(new StepMetrics(step, 5.25, 2e-5, 0.1, 100, 0.5));
        if (step == 2) {
          log.validation(step, 5.5);
        }
      }
      log.force();
    }
  }

  @Test
  void goingOnCutsWhatCameAfterTheStep() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    append(file, 0, 1, 2, 3);
    assertEquals(FIRST + SECOND + VALIDATED + THIRD, Files.readString(file));
    append(file, 2, 3);
    assertEquals(FIRST + SECOND + VALIDATED + THIRD, Files.readString(file));
    append(file, 1);
    assertEquals(FIRST, Files.readString(file));
  }

  @Test
  void aLineCutShortIsDropped() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    append(file, 0, 1);
    Files.writeString(file, SECOND.substring(0, 12), StandardOpenOption.APPEND);
    append(file, 5, 2);
    assertEquals(FIRST + SECOND + VALIDATED, Files.readString(file));
  }

  @Test
  void aNewRunBeginsWithAnEmptyFile() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    append(file, 0, 1, 2);
    append(file, 0);
    assertEquals("", Files.readString(file));
  }

  @Test
  void twoRunsCannotWriteAtOnce() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    append(file, 0, 1);
    try (MetricsLog log = MetricsLog.open(file, 1)) {
      assertEquals(
          file + ": another run is writing here. Wait for its end, or choose another output.",
          assertThrows(IllegalArgumentException.class, () -> MetricsLog.open(file, 0))
              .getMessage());
      log.force();
    }
    assertEquals(FIRST, Files.readString(file));
  }
}
