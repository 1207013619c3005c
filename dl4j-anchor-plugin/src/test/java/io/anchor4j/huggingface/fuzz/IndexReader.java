package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Right is: the tensors of the shards that the index names, each with its own value. */
final class IndexReader implements Reader {
  private static final String FILE = "model.safetensors.index.json";

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    List<TensorSource> tensors = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      tensors.add(
          TensorSource.ofFloats("model.layers." + i, TensorType.F32, List.of(1L), new float[] {i}));
    }
    SafetensorsCheckpoint.write(directory, tensors, 12);
    return new Path[] {directory.resolve(FILE)};
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(directory)) {
      for (TensorInfo info : checkpoint.tensors().values()) {
        float[] value = new float[1];
        checkpoint.tensor(info.name()).readFloats(0, value, 0, 1);
        assertEquals("model.layers." + (int) value[0], info.name());
      }
      JsonNode map =
          new ObjectMapper().readTree(directory.resolve(FILE).toFile()).get("weight_map");
      assertTrue(map.size() > 0);
      for (var entry : map.properties()) {
        int layer = Integer.parseInt(entry.getKey().substring("model.layers.".length()));
        assertTrue(checkpoint.tensors().containsKey(entry.getKey()));
        assertEquals(
            "model-0000%d-of-00003.safetensors".formatted(1 + layer / 3),
            entry.getValue().textValue());
      }
    }
  }
}
