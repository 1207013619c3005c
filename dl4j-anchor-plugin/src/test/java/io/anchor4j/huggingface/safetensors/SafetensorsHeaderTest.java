package io.anchor4j.huggingface.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsHeaderTest {
  @TempDir Path directory;

  @Test
  void readsAFileWrittenByHand() throws IOException {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[2,10]},"
            + "\"a\":{\"shape\":[],\"data_offsets\":[0,2],\"dtype\":\"BF16\",\"later\":[{}]}}  ";
    try (var file = SafetensorsFile.open(SafetensorsBytes.file(directory, header, 10))) {
      long data = 8L + header.length();
      assertEquals(Map.of("format", "pt"), file.metadata());
      assertEquals(
          List.of(
              new TensorInfo("a", TensorType.BF16, List.of(), data, data + 2),
              new TensorInfo("b", TensorType.F32, List.of(2L, 1L), data + 2, data + 10)),
          List.copyOf(file.tensors()));
      assertTrue(file.contains("a"));
      assertFalse(file.contains("__metadata__"));
    }
  }

  @Test
  void readsAFileWithoutTensors() throws IOException {
    try (var file = SafetensorsFile.open(SafetensorsBytes.file(directory, "{}", 0))) {
      assertTrue(file.tensors().isEmpty());
    }
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  void everyTypeIsKnownToTheHeader(TensorType type) throws IOException {
    int bytes = 8 * type.bits() / 8;
    String header = entry("\"" + type + "\"", "[2,4]", "[0," + bytes + "]");
    try (var file = SafetensorsFile.open(SafetensorsBytes.file(directory, header, bytes))) {
      assertEquals(type, file.tensors().iterator().next().type());
    }
  }

  static Stream<Arguments> wrongHeaders() {
    return Stream.of(
        arguments("", 0, null, 8, "does not begin with '{'"),
        arguments(" {}", 0, null, 8, "does not begin with '{'"),
        arguments("[]", 0, null, 8, "does not begin with '{'"),
        arguments("{\"t\":", 0, null, 13, "not valid JSON"),
        arguments("{} {}", 0, null, 11, "text follows"),
        arguments("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__", 29, "a must be a string"),
        arguments("{\"__metadata__\":[]}", 0, "__metadata__", 24, "expected an object"),
        arguments("{\"t\":1}", 0, "t", 13, "expected an object"),
        arguments(
            "{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "t", 9, "data_offsets is missing"),
        arguments(entry("32", "[1]", "[0,4]"), 4, "t", 22, "dtype must be a string"),
        arguments(entry("\"F33\"", "[1]", "[0,4]"), 4, "t", 9, "unknown dtype F33"),
        arguments(entry("\"F32\"", "1", "[0,4]"), 4, "t", 36, "shape must be a list of integers"),
        arguments(entry("\"F32\"", "[-1]", "[0,4]"), 4, "t", 37, "found -1"),
        arguments(entry("\"F32\"", "[1.0]", "[0,4]"), 4, "t", 37, "found 1.0"),
        arguments(entry("\"F32\"", "[[1]]", "[0,4]"), 4, "t", 37, "shape must hold integers"),
        arguments(
            entry("\"F32\"", "[9223372036854775808]", "[0,4]"), 4, "t", 37, "found 9223372036854"),
        arguments(
            entry("\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4, "t", 9, "not a whole number"),
        arguments(
            entry("\"F32\"", "[2305843009213693952]", "[0,4]"), 4, "t", 9, "not a whole number"),
        arguments(entry("\"F4\"", "[3]", "[0,2]"), 2, "t", 9, "not a whole number"),
        arguments(entry("\"F32\"", "[1]", "[0,4,8]"), 4, "t", 9, "must be [begin, end]"),
        arguments(entry("\"F32\"", "[0]", "[4,0]"), 4, "t", 9, "with begin <= end, got [4, 0]"),
        arguments(entry("\"F32\"", "[2]", "[0,4]"), 4, "t", 9, "F32 [2] takes 8 bytes"),
        arguments(entry("\"F32\"", "[2]", "[0,8]"), 4, "t", 9, "reach beyond the file"),
        arguments(entry("\"F32\"", "[1]", "[4,8]"), 8, "t", 9, "without gap or overlap"),
        arguments(entry("\"F32\"", "[1]", "[0,4]"), 5, null, 66, "1 bytes at the end"),
        arguments(
            "{\"t\":" + object("[1]", "[0,4]") + ",\"t\":" + object("[1]", "[0,4]") + "}",
            4,
            null,
            -1,
            "Duplicate field 't'"),
        arguments(
            "{\"t\":" + object("[1]", "[0,4]") + ",\"u\":" + object("[1]", "[2,6]") + "}",
            6,
            "u",
            -1,
            "without gap or overlap"));
  }

  private static String entry(String type, String shape, String offsets) {
    return "{\"t\":{\"dtype\":"
        + type
        + ",\"shape\":"
        + shape
        + ",\"data_offsets\":"
        + offsets
        + "}}";
  }

  private static String object(String shape, String offsets) {
    return "{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  }

  /** An offset of -1 is not compared: it stands where the JSON parser noticed. */
  @ParameterizedTest(name = "{0}: {4}")
  @MethodSource("wrongHeaders")
  void aWrongHeaderIsRefusedWithPathTensorAndOffset(
      String header, int dataBytes, String tensor, long offset, String reason) {
    Path path = SafetensorsBytes.file(directory, header, dataBytes);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertEquals(path, e.path());
    assertEquals(Optional.ofNullable(tensor), e.tensor());
    if (offset >= 0) {
      assertEquals(offset, e.byteOffset(), e.getMessage());
    }
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertTrue(e.getMessage().startsWith(path.toString()), e.getMessage());
  }

  @Test
  void aFileShorterThanTheHeadersLengthIsRefused() {
    Path path = SafetensorsBytes.write(directory.resolve("short"), new byte[7]);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertTrue(e.getMessage().contains("7 bytes, not 8"), e.getMessage());
  }

  @Test
  void aHeaderLongerThanTheFileIsRefused() {
    Path path = SafetensorsBytes.file(directory, 3, new byte[] {'{', '}'}, 0);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertEquals(
        path + ", byte 0: the header's length is 3 bytes, but only 2 follow; the file is truncated",
        e.getMessage());
  }

  /** 2^63 and more are negative in Java. */
  @Test
  void aHeaderOverTheLimitIsRefusedBeforeItIsRead() {
    for (long length : new long[] {100_000_001, Long.MAX_VALUE, -1}) {
      Path path = SafetensorsBytes.file(directory, length, new byte[] {'{', '}'}, 0);
      var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
      assertTrue(
          e.getMessage().contains(Long.toUnsignedString(length) + " bytes, over the limit"),
          e.getMessage());
    }
  }

  @Test
  void aHeaderThatIsNotUtf8IsRefused() {
    byte[] json = "{\"t?\":1}".getBytes(StandardCharsets.UTF_8);
    json[3] = (byte) 0xff;
    Path path = SafetensorsBytes.file(directory, json.length, json, 0);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertTrue(e.getMessage().contains("not valid UTF-8"), e.getMessage());
  }

  @Test
  void aHeaderInUtf16IsRefused() {
    byte[] json = "{}".getBytes(StandardCharsets.UTF_16LE);
    Path path = SafetensorsBytes.file(directory, json.length, json, 0);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertEquals(9, e.byteOffset());
    assertTrue(e.getMessage().contains("zero byte"), e.getMessage());
  }

  /** Whatever a file holds, it opens or is refused: no other exception, no hanging. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void aDamagedFileOpensOrIsRefused(long seed) throws IOException {
    var random = new Random(seed);
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],"
            + "\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[24,26]}}";
    byte[] whole = Files.readAllBytes(SafetensorsBytes.file(directory, header, 26));
    int opened = 0;
    for (int trial = 0; trial < 1000; trial++) {
      int length = random.nextInt(8) == 0 ? random.nextInt(whole.length + 20) : whole.length;
      byte[] damaged = Arrays.copyOf(whole, length);
      for (int i = 0; i < random.nextInt(4) && length > 0; i++) {
        byte[] likely = "0123456789-.{}[]\",: eFu".getBytes(StandardCharsets.US_ASCII);
        int at = random.nextInt(length);
        damaged[at] =
            random.nextBoolean() ? likely[random.nextInt(likely.length)] : (byte) random.nextInt();
      }
      Path path = SafetensorsBytes.write(directory.resolve("damaged"), damaged);
      try (var file = SafetensorsFile.open(path)) {
        opened++;
        for (TensorInfo info : file.tensors()) {
          assertTrue(info.end() <= length, "seed " + seed);
        }
      } catch (SafetensorsException e) {
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
      }
    }
    assertTrue(opened > 30, "most damage to data or to white space is not seen: " + opened);
  }

  @Test
  void aNameWithControlCharactersStaysOnOneLine() {
    Path path = SafetensorsBytes.file(directory, "{\"a\\nb" + "c".repeat(9000) + "\":1}", 0);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertFalse(e.getMessage().contains("\n"));
    assertTrue(e.getMessage().contains("a\\u000ab"), e.getMessage());
    assertTrue(e.getMessage().length() < 1000, e.getMessage());
  }

  @Test
  void aDeeplyNestedHeaderIsRefused() {
    Path path =
        SafetensorsBytes.file(
            directory, "{\"t\":{\"dtype\":\"F32\",\"x\":" + "[".repeat(100_000), 0);
    var e = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path));
    assertTrue(e.getMessage().contains("not valid JSON"), e.getMessage());
  }

  @Test
  void aMissingFileIsNamed() {
    Path path = directory.resolve("none.safetensors");
    var e = assertThrows(IllegalArgumentException.class, () -> SafetensorsFile.open(path));
    assertEquals(path + ": there is no such file", e.getMessage());
  }
}
