package io.anchor4j.huggingface.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsCheckpointTest {
  @TempDir Path directory;

  private static TensorSource tensor(String name, int first, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = first + i;
    }
    return TensorSource.ofFloats(name, TensorType.F32, List.of((long) count), values);
  }

  private void checkTensors() throws IOException {
    try (var checkpoint = SafetensorsCheckpoint.open(directory)) {
      assertEquals(
          new TreeSet<>(List.of("a", "b", "c", "d")), new TreeSet<>(checkpoint.tensors().keySet()));
      float[] values = new float[10];
      checkpoint.tensor("c").readFloats(0, values, 0, 10);
      assertArrayEquals(new float[] {30, 31, 32, 33, 34, 35, 36, 37, 38, 39}, values);
    }
  }

  private List<String> files() throws IOException {
    try (var files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /** c is larger than a shard of 20 bytes and has one to itself. */
  @Test
  void shardsAreFilledInOrderAndOldOnesRemoved() throws IOException {
    var tensors =
        List.of(tensor("a", 10, 2), tensor("b", 20, 3), tensor("c", 30, 10), tensor("d", 40, 1));
    SafetensorsCheckpoint.write(directory, tensors, 1000);
    assertEquals(List.of("model.safetensors"), files());
    checkTensors();

    SafetensorsCheckpoint.write(directory, tensors, 20);
    List<String> shards = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      shards.add("model-0000" + i + "-of-00003.safetensors");
    }
    var expected = new ArrayList<>(shards);
    expected.add("model.safetensors.index.json");
    assertEquals(expected, files());
    var index =
        new ObjectMapper().readTree(directory.resolve("model.safetensors.index.json").toFile());
    assertEquals(64, index.at("/metadata/total_size").asLong());
    assertEquals(shards.get(0), index.at("/weight_map/b").asText());
    assertEquals(shards.get(1), index.at("/weight_map/c").asText());
    assertEquals(shards.get(2), index.at("/weight_map/d").asText());
    checkTensors();

    SafetensorsCheckpoint.write(directory, tensors, 64);
    assertEquals(List.of("model.safetensors"), files());
    checkTensors();
  }

  private void writeIndex(String weightMap) {
    SafetensorsBytes.write(
        directory.resolve("model.safetensors.index.json"),
        ("{\"weight_map\":" + weightMap + "}").getBytes(StandardCharsets.UTF_8));
  }

  private void writeShard(String name, TensorSource... tensors) throws IOException {
    SafetensorsWriter.write(directory.resolve(name), Map.of(), List.of(tensors));
  }

  private String refusal() {
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsCheckpoint.open(directory));
    return e.getMessage();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x.safetensors",
        "/etc/x.safetensors",
        "sub/x.safetensors",
        "..\\\\x.safetensors",
        "C:x.safetensors",
        ".safetensors",
        "..safetensors",
        "config.json",
        "",
        "x\\u0000.safetensors"
      })
  void aShardNameCannotLeaveTheDirectory(String shard) {
    writeIndex("{\"t\":\"" + shard + "\"}");
    assertTrue(refusal().contains("tensor \"t\", byte 0: a shard must be the name"), refusal());
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "[]", "null", "3"})
  void anIndexWithoutTensorsIsRefused(String weightMap) {
    writeIndex(weightMap);
    assertTrue(refusal().contains("weight_map, tensor to file, is missing or empty"), refusal());
  }

  @Test
  void anIndexThatIsNotJsonIsRefused() {
    writeIndex("{");
    assertTrue(refusal().contains("is not valid JSON"), refusal());
    writeIndex("{\"t\":\"a.safetensors\",\"t\":\"b.safetensors\"}");
    assertTrue(refusal().contains("Duplicate field 't'"), refusal());
  }

  @Test
  void anIndexThatDoesNotMatchItsShardsIsRefused() throws IOException {
    writeShard("a.safetensors", tensor("a", 0, 1));
    writeShard("b.safetensors", tensor("b", 0, 1));
    writeIndex("{\"a\":\"b.safetensors\",\"b\":\"b.safetensors\"}");
    assertTrue(refusal().contains("tensor \"a\", byte 0: is not in b.safetensors"), refusal());
    writeIndex("{\"a\":\"b.safetensors\",\"b\":\"a.safetensors\"}");
    assertTrue(refusal().contains("as the index says"), refusal());
    writeIndex("{\"a\":\"a.safetensors\",\"b\":\"c.safetensors\"}");
    var e =
        assertThrows(IllegalArgumentException.class, () -> SafetensorsCheckpoint.open(directory));
    assertEquals(
        directory.resolve("model.safetensors.index.json")
            + ": 1 of the 2 files it names are missing: c.safetensors",
        e.getMessage());
  }

  @Test
  void missingShardsDoNotFloodTheMessage() {
    String longest = "z".repeat(5_000) + ".safetensors";
    writeIndex("{\"t\":\"a.safetensors\",\"u\":\"" + longest + "\"}");
    assertTrue(missing().endsWith("missing: a.safetensors, " + "z".repeat(200) + "..."), missing());
    writeIndex(
        IntStream.range(10_000, 11_000)
            .mapToObj(i -> "\"" + i + "\":\"" + i + ".safetensors\"")
            .collect(Collectors.joining(",", "{", "}")));
    assertTrue(missing().contains("1000 of the 1000 files"), missing());
    assertTrue(missing().endsWith(", 10049.safetensors and 950 more"), missing());
  }

  private String missing() {
    return assertThrows(IllegalArgumentException.class, () -> SafetensorsCheckpoint.open(directory))
        .getMessage();
  }

  @Test
  void aTensorInTwoShardsIsRefused() throws IOException {
    writeShard("a.safetensors", tensor("a", 0, 1), tensor("b", 0, 1));
    writeShard("b.safetensors", tensor("b", 0, 1));
    writeIndex("{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\"}");
    assertTrue(refusal().contains("is also in a.safetensors"), refusal());
  }

  @Test
  void aDirectoryWithoutWeightsSaysWhatItLookedFor() {
    var e =
        assertThrows(IllegalArgumentException.class, () -> SafetensorsCheckpoint.open(directory));
    assertEquals(
        directory + ": found neither model.safetensors nor model.safetensors.index.json",
        e.getMessage());
  }

  @Test
  void aFailedWriteLeavesAllFilesAsTheyWere() throws IOException {
    SafetensorsCheckpoint.write(directory, List.of(tensor("old", 1, 2)), 1000);
    byte[] before = Files.readAllBytes(directory.resolve("model.safetensors"));
    var broken =
        new TensorSource(
            "b",
            TensorType.F32,
            List.of(1L),
            sink -> {
              throw new IOException("no space left");
            });
    assertThrows(
        IOException.class,
        () -> SafetensorsCheckpoint.write(directory, List.of(tensor("a", 1, 2), broken), 8));
    assertEquals(List.of("model.safetensors"), files());
    assertArrayEquals(before, Files.readAllBytes(directory.resolve("model.safetensors")));
    Path fresh = directory.resolve("fresh");
    assertThrows(IOException.class, () -> SafetensorsCheckpoint.write(fresh, List.of(broken), 8));
    assertTrue(Files.notExists(fresh));
  }
}
