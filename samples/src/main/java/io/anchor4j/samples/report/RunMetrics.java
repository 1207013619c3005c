package io.anchor4j.samples.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a run wrote into its metrics.jsonl.
 *
 * @param name the run's directory name, as legends show it
 * @param directory the run directory
 * @param steps one for each training step
 * @param validations one for each validation
 */
public record RunMetrics(
    String name, Path directory, List<StepMetrics> steps, List<Validation> validations) {

  /**
   * One validation.
   *
   * @param step after which it was made
   * @param loss mean over the validation targets, in nats
   */
  public record Validation(long step, double loss) {}

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Reads a run directory, or a metrics file itself. A last line that is still being written is
   * left out, so that a run can be looked at while it trains.
   *
   * @throws IllegalArgumentException if a line is not a metrics line, or there is no step yet
   * @throws java.nio.file.NoSuchFileException if the file does not exist
   */
  public static RunMetrics read(Path run) throws IOException {
    Path file = Files.isDirectory(run) ? run.resolve("metrics.jsonl") : run;
    Path directory = file.toAbsolutePath().normalize().getParent();
    String text = Files.readString(file);
    List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    var steps = new ArrayList<StepMetrics>();
    var validations = new ArrayList<Validation>();
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      String where = file + ":" + (i + 1);
      JsonNode line = parse(lines.get(i), where);
      if (line.has("validation_loss")) {
        validations.add(new Validation(step(line, where), number(line, "validation_loss", where)));
      } else {
        steps.add(
            new StepMetrics(
                step(line, where),
                number(line, "loss", where),
                number(line, "learning_rate", where),
                number(line, "gradient_norm", where),
                number(line, "tokens_per_second", where),
                number(line, "elapsed_seconds", where)));
      }
    }
    if (steps.isEmpty()) {
      throw new IllegalArgumentException(file + ": holds no training step yet");
    }
    String name = directory.getFileName() == null ? "run" : directory.getFileName().toString();
    return new RunMetrics(name, directory, List.copyOf(steps), List.copyOf(validations));
  }

  private static JsonNode parse(String line, String where) {
    try {
      JsonNode node = JSON.readTree(line);
      if (node.isObject()) {
        return node;
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          where + ": not JSON: " + e.getOriginalMessage() + ", expected a metrics line", e);
    }
    throw new IllegalArgumentException(where + ": expected a JSON object with the step's metrics");
  }

  private static long step(JsonNode line, String where) {
    return (long) number(line, "step", where);
  }

  private static double number(JsonNode line, String key, String where) {
    JsonNode value = line.get(key);
    if (value == null || !value.isNumber()) {
      throw new IllegalArgumentException(
          where + ": expected a number under \"" + key + "\", got " + value);
    }
    return value.doubleValue();
  }
}
