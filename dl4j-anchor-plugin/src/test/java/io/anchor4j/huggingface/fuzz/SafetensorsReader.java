package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.SafetensorsWriter;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Right is: every tensor as a JSON tree of the header places it, and its bytes from there. */
final class SafetensorsReader implements Reader {
  private static final String FILE = "model.safetensors";

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    float[] values = {1, -2, 3.5f, 0, -0f, 1e30f};
    SafetensorsWriter.write(
        directory.resolve(FILE),
        Map.of("format", "pt", "made by", "\u00e4"),
        List.of(
            TensorSource.ofFloats("model.a.weight", TensorType.F32, List.of(2L, 3L), values),
            TensorSource.ofFloats("model.b.weight", TensorType.BF16, List.of(6L), values),
            TensorSource.ofInts("ids", List.of(1L, 1L, 3L), new int[] {1, -2, 3}),
            TensorSource.ofFloats("scalar", TensorType.F16, List.of(), new float[] {2}),
            TensorSource.ofFloats("empty", TensorType.F64, List.of(0L, 4L), new float[0])));
    return new Path[] {directory.resolve(FILE)};
  }

  /** Half of the changes are to the header, with its length put right. */
  @Override
  public byte[] mutate(Random random, byte[] good) {
    if (random.nextBoolean()) {
      return new Mutator(random).mutate(good);
    }
    int data = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = new Mutator(random).mutate(Arrays.copyOfRange(good, 8, data));
    return ByteBuffer.allocate(8 + header.length + good.length - data)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(good, data, good.length - data)
        .array();
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(FILE))) {
      ByteBuffer bytes =
          ByteBuffer.wrap(Files.readAllBytes(file.path())).order(ByteOrder.LITTLE_ENDIAN);
      int headerBytes = (int) bytes.getLong(0);
      JsonNode header =
          new ObjectMapper()
              .readTree(new String(bytes.array(), 8, headerBytes, StandardCharsets.UTF_8));
      assertEquals(header.size() - (header.has("__metadata__") ? 1 : 0), file.tensors().size());
      long covered = 8L + headerBytes;
      for (TensorInfo info : file.tensors()) {
        JsonNode entry = header.get(info.name());
        assertEquals(entry.get("dtype").textValue(), info.type().name());
        assertEquals(entry.get("shape").toString(), info.shape().toString().replace(" ", ""));
        assertEquals(8 + headerBytes + entry.at("/data_offsets/0").longValue(), info.begin());
        assertEquals(8 + headerBytes + entry.at("/data_offsets/1").longValue(), info.end());
        assertEquals(covered, info.begin());
        covered = info.end();
        compareValues(file, info, bytes);
      }
      assertEquals(bytes.capacity(), covered);
    }
  }

  private static void compareValues(SafetensorsFile file, TensorInfo info, ByteBuffer bytes)
      throws IOException {
    int count = (int) info.elements();
    int at = (int) info.begin();
    switch (info.type()) {
      case F32, BF16 -> {
        float[] values = new float[count];
        file.tensor(info.name()).readFloats(0, values, 0, count);
        for (int i = 0; i < count; i++) {
          int bits =
              info.type() == TensorType.F32
                  ? bytes.getInt(at + 4 * i)
                  : bytes.getShort(at + 2 * i) << 16;
          assertEquals(bits, Float.floatToRawIntBits(values[i]));
        }
      }
      case I32 -> {
        int[] values = new int[count];
        file.tensor(info.name()).readInts(0, values, 0, count);
        for (int i = 0; i < count; i++) {
          assertEquals(bytes.getInt(at + 4 * i), values[i]);
        }
      }
      default -> file.tensor(info.name()).readFloats(0, new float[count], 0, count);
    }
  }
}
