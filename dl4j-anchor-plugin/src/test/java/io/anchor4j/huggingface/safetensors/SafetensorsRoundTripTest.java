package io.anchor4j.huggingface.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsRoundTripTest {
  @TempDir Path directory;

  private static float[] randomValues(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      // Eight bits of mantissa and a moderate exponent: exact in each of the types.
      values[i] = (random.nextInt(255) - 127) * (float) Math.pow(2, random.nextInt(10) - 12);
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void randomFilesComeBackBitEqual(long seed) throws IOException {
    var random = new Random(seed);
    var types = List.of(TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.F64);
    List<TensorSource> sources = new ArrayList<>();
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < random.nextInt(12); i++) {
      List<Long> shape =
          Stream.generate(() -> (long) random.nextInt(6)).limit(random.nextInt(4)).toList();
      int count = (int) TensorInfo.elements(shape).orElseThrow();
      expected.add(randomValues(random, count));
      sources.add(
          TensorSource.ofFloats(
              "tensor \"" + i + "\" \u00e4\u4e2d",
              types.get(random.nextInt(4)),
              shape,
              expected.get(i)));
    }
    Path path = directory.resolve("random.safetensors");
    SafetensorsWriter.write(path, Map.of("seed", "" + seed), sources);

    try (var file = SafetensorsFile.open(path)) {
      assertEquals(Map.of("seed", "" + seed), file.metadata());
      assertEquals(sources.size(), file.tensors().size());
      for (int i = 0; i < sources.size(); i++) {
        MappedTensor tensor = file.tensor(sources.get(i).name());
        assertEquals(sources.get(i).type(), tensor.info().type());
        assertEquals(sources.get(i).shape(), tensor.info().shape());
        assertEquals(0, tensor.info().begin() % (tensor.info().type().bits() / 8), "alignment");
        float[] values = new float[expected.get(i).length];
        tensor.readFloats(0, values, 0, values.length);
        assertArrayEquals(expected.get(i), values, "seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F64", "F16", "BF16"})
  void readingAcrossWindowsGivesTheSameValues(TensorType type) throws IOException {
    float[] values = randomValues(new Random(11), 101);
    Path path = directory.resolve("windows.safetensors");
    SafetensorsWriter.write(
        path, Map.of(), List.of(TensorSource.ofFloats("t", type, List.of(101L), values)));
    TensorInfo info;
    try (var file = SafetensorsFile.open(path)) {
      info = file.tensor("t").info();
    }
    try (var channel = FileChannel.open(path)) {
      MappedTensor tensor = new MappedTensor(channel, path, info, 16);
      float[] read = new float[103];
      tensor.readFloats(0, read, 1, 101);
      for (int i = 0; i < 101; i++) {
        assertEquals(values[i], read[i + 1]);
        float[] one = new float[1];
        tensor.readFloats(i, one, 0, 1);
        assertEquals(values[i], one[0]);
      }
      assertEquals(0, read[0]);
      assertEquals(0, read[102]);
      assertThrows(IndexOutOfBoundsException.class, () -> tensor.readFloats(1, read, 0, 101));
      assertThrows(IndexOutOfBoundsException.class, () -> tensor.readFloats(0, read, 3, 101));
      assertThrows(IndexOutOfBoundsException.class, () -> tensor.readFloats(-1, read, 0, 1));
    }
  }

  @Test
  void integersComeBackAndLongsMustFit() throws IOException {
    int[] values = {0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE};
    ByteBuffer longs = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    longs.putLong(-7).putLong(Integer.MAX_VALUE).putLong(1L << 31).flip();
    Path path = directory.resolve("integers.safetensors");
    SafetensorsWriter.write(
        path,
        Map.of(),
        List.of(
            TensorSource.ofInts("ints", List.of(2L, 2L), values),
            new TensorSource("longs", TensorType.I64, List.of(3L), s -> s.writeBytes(longs))));
    try (var file = SafetensorsFile.open(path)) {
      int[] read = new int[4];
      file.tensor("ints").readInts(0, read, 0, 4);
      assertArrayEquals(values, read);
      MappedTensor tensor = file.tensor("longs");
      tensor.readInts(0, read, 0, 2);
      assertEquals(-7, read[0]);
      assertEquals(Integer.MAX_VALUE, read[1]);
      var e = assertThrows(SafetensorsException.class, () -> tensor.readInts(1, read, 0, 2));
      assertEquals(tensor.info().begin() + 16, e.byteOffset());
      assertTrue(e.getMessage().contains("2147483648 does not fit"), e.getMessage());
      e = assertThrows(SafetensorsException.class, () -> tensor.readFloats(0, new float[1], 0, 1));
      assertTrue(e.getMessage().contains("its dtype is I64"), e.getMessage());
      e = assertThrows(SafetensorsException.class, () -> file.tensor("none"));
      assertTrue(e.getMessage().contains("\"none\""), e.getMessage());
    }
  }

  /** The file is sparse: it takes a few pages of disk. */
  @Test
  void aTensorOverTwoGigabytesIsRead() throws IOException {
    long elements = (1L << 29) + 7;
    long end = elements * 4;
    String header =
        "{\"big\":{\"dtype\":\"F32\",\"shape\":["
            + elements
            + "],\"data_offsets\":[0,"
            + end
            + "]},"
            + "\"next\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":["
            + end
            + ","
            + (end + 4)
            + "]}}";
    Path path = SafetensorsBytes.write(directory.resolve("big"), new byte[0]);
    try (var raw = new RandomAccessFile(path.toFile(), "rw")) {
      raw.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length()).array());
      raw.write(header.getBytes(StandardCharsets.UTF_8));
      raw.setLength(8 + header.length() + end + 4);
      raw.seek(8 + header.length() + end - 4);
      raw.write(new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, 0x40});
    }
    try (var file = SafetensorsFile.open(path)) {
      float[] last = new float[3];
      file.tensor("big").readFloats(elements - 3, last, 0, 3);
      assertArrayEquals(new float[] {0, 0, 1}, last);
      file.tensor("next").readFloats(0, last, 0, 1);
      assertEquals(2, last[0]);
    }
  }

  @Test
  void aFileThatBecomesShorterAndAClosedWindowAreRefused() throws IOException {
    Path path = directory.resolve("shorter.safetensors");
    var ones = TensorSource.ofFloats("t", TensorType.F32, List.of(2L), new float[] {1, 1});
    SafetensorsWriter.write(path, Map.of(), List.of(ones));
    try (var file = SafetensorsFile.open(path)) {
      TensorWindow window = file.tensor("t").window(1, 1);
      window.close();
      assertThrows(IllegalStateException.class, () -> window.readFloats(0, new float[1], 0, 1));
      try (var channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
        channel.truncate(Files.size(path) - 1);
      }
      var e = assertThrows(IOException.class, () -> file.tensor("t").window(1, 1));
      assertEquals(path + ": the file became shorter while it was read", e.getMessage());
    }
  }

  @Test
  void rewritingTheFileThatIsBeingReadLeavesTheReaderWithTheOldValues() throws IOException {
    Path path = directory.resolve("same.safetensors");
    SafetensorsWriter.write(
        path,
        Map.of(),
        List.of(TensorSource.ofFloats("t", TensorType.F32, List.of(2L), new float[] {1, 2})));
    try (var file = SafetensorsFile.open(path)) {
      MappedTensor old = file.tensor("t");
      SafetensorsWriter.write(
          path,
          Map.of(),
          List.of(
              new TensorSource(
                  "t",
                  TensorType.F32,
                  List.of(2L),
                  sink -> {
                    float[] values = new float[2];
                    old.readFloats(0, values, 0, 2);
                    sink.writeFloats(new float[] {values[1], values[0]}, 0, 2);
                  })));
      float[] values = new float[2];
      old.readFloats(0, values, 0, 2);
      assertArrayEquals(new float[] {1, 2}, values);
    }
    try (var file = SafetensorsFile.open(path)) {
      float[] values = new float[2];
      file.tensor("t").readFloats(0, values, 0, 2);
      assertArrayEquals(new float[] {2, 1}, values);
    }
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
    Path path = SafetensorsBytes.write(directory.resolve("kept.safetensors"), new byte[] {1, 2});
    var half = TensorSource.ofFloats("t", TensorType.F32, List.of(2L), new float[1]);
    var e =
        assertThrows(
            IllegalStateException.class,
            () -> SafetensorsWriter.write(path, Map.of(), List.of(half)));
    assertTrue(e.getMessage().contains("4 bytes were written, but F32 [2] has 8"), e.getMessage());
    assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(path));
    try (var files = Files.list(directory)) {
      assertEquals(List.of(path), files.toList());
    }
  }

  @Test
  void wrongTensorsAreRefusedBeforeAnythingIsWritten() {
    var t = TensorSource.ofFloats("t", TensorType.F32, List.of(), new float[1]);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> SafetensorsWriter.write(directory.resolve("x"), Map.of(), List.of(t, t)));
    assertEquals("two tensors are called \"t\"", e.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> TensorSource.ofFloats("t", TensorType.F32, List.of(-1L), new float[1]));
    assertThrows(
        IllegalArgumentException.class,
        () -> TensorSource.ofFloats("__metadata__", TensorType.F32, List.of(), new float[1]));
    var integers = TensorSource.ofFloats("t", TensorType.I32, List.of(1L), new float[1]);
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.write(directory.resolve("x"), Map.of(), List.of(integers)));
  }
}
