package io.anchor4j.training;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.google.common.hash.Hashing;
import com.google.common.io.MoreFiles;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.SafetensorsWriter;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The files of one checkpoint, readable without this program:
 *
 * <ul>
 *   <li>{@code weights.safetensors}: every parameter by layer and key, in the network's orientation
 *   <li>{@code optimizer.safetensors}: the two moments of each, prefixed {@value #FIRST} and
 *       {@value #SECOND}
 *   <li>{@code config.yaml}: the run file as resolved
 *   <li>{@code state.json}: {@link State}
 * </ul>
 */
final class Checkpoint {
  static final String WEIGHTS = "weights.safetensors";
  static final String OPTIMIZER = "optimizer.safetensors";
  static final String CONFIG = "config.yaml";
  static final String STATE = "state.json";

  private static final String FIRST = "first_moment.";
  private static final String SECOND = "second_moment.";
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  private final Path directory;

  /**
   * Where a run stands. The order of the rows depends on seed and epoch alone, and nothing else is
   * random after the first step: this is the whole of the random state.
   *
   * @param step updates made
   * @param epoch passes through the data that are over
   * @param row rows taken of this epoch
   * @param data hash of the rows to train on, to notice other data
   * @param seed of the order of rows
   * @param elapsedSeconds time spent so far
   * @param checksums CRC-32C of the other files, by name
   */
  record State(
      long step,
      long epoch,
      int row,
      String data,
      long seed,
      double elapsedSeconds,
      Map<String, String> checksums) {

    State(PackedIterator.Cursor cursor, long step, String data, long seed, double elapsedSeconds) {
      this(step, cursor.epoch(), cursor.row(), data, seed, elapsedSeconds, Map.of());
    }

    PackedIterator.Cursor cursor() {
      return new PackedIterator.Cursor(epoch, row);
    }

    private State withChecksums(Map<String, String> checksums) {
      return new State(step, epoch, row, data, seed, elapsedSeconds, checksums);
    }
  }

  Checkpoint(Path directory) {
    this.directory = directory;
  }

  /**
   * Writes all files, each forced to the disk.
   *
   * @throws IOException if one cannot be written
   */
  void write(
      ParameterLayout layout, INDArray parameters, AdamW optimizer, RunConfig config, State state)
      throws IOException {
    SafetensorsWriter.write(directory.resolve(WEIGHTS), METADATA, layout.tensors("", parameters));
    List<TensorSource> moments = new ArrayList<>();
    moments.addAll(layout.tensors(FIRST, optimizer.firstMoment()));
    moments.addAll(layout.tensors(SECOND, optimizer.secondMoment()));
    SafetensorsWriter.write(directory.resolve(OPTIMIZER), METADATA, moments);
    WholeFile.write(directory.resolve(CONFIG), config.toYaml().getBytes(StandardCharsets.UTF_8));
    State checked =
        state.withChecksums(
            Map.of(
                WEIGHTS, checksum(WEIGHTS),
                OPTIMIZER, checksum(OPTIMIZER),
                CONFIG, checksum(CONFIG)));
    WholeFile.write(directory.resolve(STATE), JSON.writeValueAsBytes(checked));
  }

  /**
   * Returns where the run stood, if it may go on under {@code config}.
   *
   * @throws IllegalArgumentException if a file is missing or damaged, or the checkpoint was written
   *     under settings that lead to other results
   */
  State check(RunConfig config) {
    State state;
    try {
      state = JSON.readValue(directory.resolve(STATE).toFile(), State.class);
      for (String name : List.of(WEIGHTS, OPTIMIZER, CONFIG)) {
        if (!checksum(name).equals(state.checksums().get(name))) {
          throw new IOException(name + " is not what was written");
        }
      }
    } catch (IOException e) {
      throw damaged(e);
    }
    ResumeRules.check(config(), config);
    return state;
  }

  /**
   * Returns the settings that the checkpoint was written under.
   *
   * @throws IllegalArgumentException if they cannot be read
   */
  RunConfig config() {
    return RunConfig.read(directory.resolve(CONFIG), List.of());
  }

  /**
   * Fills the parameters.
   *
   * @throws IllegalArgumentException if the file is damaged or not of this network
   */
  void restoreParameters(ParameterLayout layout, INDArray parameters) {
    readFile(layout, WEIGHTS, Map.of("", parameters));
  }

  /**
   * Fills the parameters and the moments.
   *
   * @throws IllegalArgumentException if a file is damaged or not of this network
   */
  void restoreAll(ParameterLayout layout, INDArray parameters, AdamW optimizer) {
    restoreParameters(layout, parameters);
    readFile(
        layout,
        OPTIMIZER,
        Map.of(FIRST, optimizer.firstMoment(), SECOND, optimizer.secondMoment()));
  }

  private void readFile(ParameterLayout layout, String name, Map<String, INDArray> vectors) {
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(name))) {
      layout.refuseOthers(file, vectors.keySet());
      for (Map.Entry<String, INDArray> vector : vectors.entrySet()) {
        layout.read(file, vector.getKey(), vector.getValue());
      }
    } catch (IOException e) {
      throw damaged(e);
    }
  }

  private String checksum(String name) throws IOException {
    return MoreFiles.asByteSource(directory.resolve(name)).hash(Hashing.crc32c()).toString();
  }

  private IllegalArgumentException damaged(IOException cause) {
    return new IllegalArgumentException(
        "checkpoint %s is damaged: %s. Delete this directory to resume from an older checkpoint, if there is one."
            .formatted(directory, cause.getMessage().lines().findFirst().orElse("")),
        cause);
  }
}
