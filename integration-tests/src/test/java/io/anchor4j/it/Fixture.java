package io.anchor4j.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A tiny checkpoint of transformers and what transformers made of it (make_fixtures.py). */
record Fixture(String name, Path directory) {
  /** The words of make_fixtures.py and of the command line. */
  static final List<String> MASKS = List.of("full", "intra-document", "anchor");

  static final List<String> POSITIONS = List.of("continuous", "per-document");

  /** With logits, gradients and training; the losses of one a family under every scaling too. */
  static Stream<Fixture> full() {
    return Stream.of(
            "llama-gqa",
            "llama3-tied-sharded",
            "llama-yarn-half",
            "llama-linear-bias",
            "llama-dynamic",
            "mistral",
            "qwen2-tied",
            "qwen3",
            "smollm3")
        .map(Fixture::named);
  }

  /** Those and the ones with losses alone, which are stored in bfloat16. */
  static Stream<Fixture> all() {
    return Stream.concat(
        full(),
        Stream.of("mistral", "qwen2", "qwen3", "smollm3")
            .map(family -> named(family + "-bfloat16")));
  }

  /** Every mask with both kinds of positions. */
  static Stream<Arguments> cases(Stream<Fixture> fixtures) {
    return fixtures.flatMap(
        fixture ->
            MASKS.stream()
                .flatMap(
                    mask ->
                        POSITIONS.stream()
                            .map(positions -> Arguments.of(fixture, mask, positions))));
  }

  static Fixture named(String name) {
    try {
      return new Fixture(
          name,
          Path.of(Fixture.class.getResource("/fixtures/" + name + "/fixture.json").toURI())
              .getParent());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(e);
    }
  }

  @Override
  public String toString() {
    return name;
  }

  /** Returns what fixture.json says: how the training was done, among others. */
  JsonNode description() {
    try {
      return new ObjectMapper().readTree(directory.resolve("fixture.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the names of the expected tensors that begin with {@code prefix}, without it. */
  List<String> names(String prefix) {
    try (var file = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
      return file.tensors().stream()
          .map(TensorInfo::name)
          .filter(tensor -> tensor.startsWith(prefix))
          .map(tensor -> tensor.substring(prefix.length()))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  float[] floats(String tensor) {
    return read(
        tensor,
        mapped -> {
          float[] values = new float[(int) mapped.info().elements()];
          mapped.readFloats(0, values, 0, values.length);
          return values;
        });
  }

  /** Returns the rows of a [B, T] tensor of integers. */
  int[][] rows(String tensor) {
    return read(
        tensor,
        mapped -> {
          int[][] rows = new int[(int) (long) mapped.info().shape().get(0)][];
          int length = (int) (long) mapped.info().shape().get(1);
          for (int i = 0; i < rows.length; i++) {
            rows[i] = new int[length];
            mapped.readInts((long) i * length, rows[i], 0, length);
          }
          return rows;
        });
  }

  /** Returns a [B, T] tensor as INT. */
  INDArray ints(String tensor) {
    return Nd4j.createFromArray(rows(tensor));
  }

  private interface Reading<T> {
    T of(MappedTensor tensor) throws IOException;
  }

  private <T> T read(String tensor, Reading<T> reading) {
    try (var file = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
      return reading.of(file.tensor(tensor));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
