package io.anchor4j.huggingface.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * The header of a safetensors file: parsed, and checked against the file's length.
 *
 * @param metadata the free strings of {@code __metadata__}
 * @param tensors every tensor by name, in the order of their bytes in the file
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {

  /** The reference implementation's limit: a longer header is an attack, not a model. */
  static final long LONGEST_HEADER_BYTES = 100_000_000;

  static final int LENGTH_BYTES = 8;
  static final String METADATA = "__metadata__";

  // Duplicate names would let two readers of one file see different weights.
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * Reads the header at the start of {@code channel}.
   *
   * @throws SafetensorsException if the header is not one, or does not describe this file exactly
   */
  static SafetensorsHeader read(FileChannel channel, Path path) throws IOException {
    long fileBytes = channel.size();
    if (fileBytes < LENGTH_BYTES) {
      throw new SafetensorsException(
          path,
          null,
          0,
          "the file ends within the header's length: it has " + fileBytes + " bytes, not 8");
    }
    long headerBytes =
        ByteBuffer.wrap(readFully(channel, 0, LENGTH_BYTES))
            .order(ByteOrder.LITTLE_ENDIAN)
            .getLong();
    if (headerBytes < 0 || headerBytes > LONGEST_HEADER_BYTES) {
      throw new SafetensorsException(
          path,
          null,
          0,
          "the header's length is "
              + Long.toUnsignedString(headerBytes)
              + " bytes, over the limit of "
              + LONGEST_HEADER_BYTES
              + "; is this a safetensors file?");
    }
    if (headerBytes > fileBytes - LENGTH_BYTES) {
      throw new SafetensorsException(
          path,
          null,
          0,
          "the header's length is "
              + headerBytes
              + " bytes, but only "
              + (fileBytes - LENGTH_BYTES)
              + " follow; the file is truncated");
    }
    byte[] json = readFully(channel, LENGTH_BYTES, (int) headerBytes);
    return new Reader(path, LENGTH_BYTES + headerBytes, fileBytes).read(json);
  }

  private static byte[] readFully(FileChannel channel, long position, int count)
      throws IOException {
    byte[] bytes = new byte[count];
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("the file became shorter while its header was read");
      }
    }
    return bytes;
  }

  /** One pass over the JSON, then the checks that need all tensors. */
  private static final class Reader {
    private final Path path;
    private final long dataBegin;
    private final long fileBytes;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<TensorInfo> tensors = new ArrayList<>();
    private final Map<String, Long> entryOffsets = new HashMap<>();

    Reader(Path path, long dataBegin, long fileBytes) {
      this.path = path;
      this.dataBegin = dataBegin;
      this.fileBytes = fileBytes;
    }

    SafetensorsHeader read(byte[] json) throws IOException {
      // Padding with spaces behind is allowed, in front it is not: the format begins with '{'.
      if (json.length == 0 || json[0] != '{') {
        throw new SafetensorsException(
            path,
            null,
            LENGTH_BYTES,
            "the header is not a JSON object: it does not begin with '{'");
      }
      requireUtf8(json);
      try (JsonParser parser = JSON.createParser(json)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          readEntry(parser);
        }
        if (parser.nextToken() != null) {
          throw wrong(parser, null, "text follows the header's JSON object");
        }
      } catch (JsonProcessingException e) {
        long at = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset());
        throw new SafetensorsException(
            path,
            null,
            LENGTH_BYTES + at,
            "the header is not valid JSON: "
                + SafetensorsException.printable(e.getOriginalMessage()));
      }
      return new SafetensorsHeader(Map.copyOf(metadata), placed());
    }

    private void requireUtf8(byte[] json) {
      for (int i = 0; i < json.length; i++) {
        // No JSON has a zero byte, but the parser would take '{' and a zero for UTF-16.
        if (json[i] == 0) {
          throw new SafetensorsException(
              path, null, LENGTH_BYTES + i, "the header is not valid JSON: it holds a zero byte");
        }
      }
      try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json));
      } catch (CharacterCodingException e) {
        throw new SafetensorsException(path, null, LENGTH_BYTES, "the header is not valid UTF-8");
      }
    }

    private void readEntry(JsonParser parser) throws IOException {
      String name = parser.currentName();
      long offset = position(parser);
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw wrong(parser, name, "expected an object");
      }
      if (name.equals(METADATA)) {
        readMetadata(parser);
        return;
      }
      String type = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "dtype" -> type = text(parser, name, "dtype");
          case "shape" -> shape = naturals(parser, name, "shape");
          case "data_offsets" -> offsets = naturals(parser, name, "data_offsets");
          default -> parser.skipChildren();
        }
      }
      entryOffsets.put(name, offset);
      if (type == null || shape == null || offsets == null) {
        String missing = type == null ? "dtype" : shape == null ? "shape" : "data_offsets";
        throw new SafetensorsException(path, name, offset, missing + " is missing");
      }
      tensors.add(info(name, offset, type, shape, offsets));
    }

    private void readMetadata(JsonParser parser) throws IOException {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        metadata.put(key, text(parser, METADATA, key));
      }
    }

    private String text(JsonParser parser, String entry, String key) throws IOException {
      if (parser.currentToken() != JsonToken.VALUE_STRING) {
        throw wrong(parser, entry, key + " must be a string");
      }
      return parser.getText();
    }

    private List<Long> naturals(JsonParser parser, String entry, String key) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        throw wrong(parser, entry, key + " must be a list of integers");
      }
      List<Long> values = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        boolean fits =
            parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                && parser.getLongValue() >= 0;
        if (!fits) {
          throw wrong(
              parser,
              entry,
              key
                  + " must hold integers from 0 to 2^63 - 1, found "
                  + SafetensorsException.printable(String.valueOf(parser.getText())));
        }
        values.add(parser.getLongValue());
      }
      return values;
    }

    private TensorInfo info(
        String name, long offset, String typeName, List<Long> shape, List<Long> offsets) {
      TensorType type =
          TensorType.named(typeName)
              .orElseThrow(
                  () ->
                      new SafetensorsException(
                          path,
                          name,
                          offset,
                          "unknown dtype " + SafetensorsException.printable(typeName)));
      if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
        throw new SafetensorsException(
            path,
            name,
            offset,
            "data_offsets must be [begin, end] with begin <= end, got " + offsets);
      }
      OptionalLong needed = TensorInfo.bytes(type, shape);
      if (needed.isEmpty()) {
        throw new SafetensorsException(
            path,
            name,
            offset,
            "the size of " + type + " " + shape + " in bytes is not a whole number below 2^63");
      }
      long held = offsets.get(1) - offsets.get(0);
      if (needed.getAsLong() != held) {
        throw new SafetensorsException(
            path,
            name,
            offset,
            type
                + " "
                + shape
                + " takes "
                + needed.getAsLong()
                + " bytes, but data_offsets "
                + offsets
                + " hold "
                + held);
      }
      if (offsets.get(1) > fileBytes - dataBegin) {
        throw new SafetensorsException(
            path,
            name,
            offset,
            "data_offsets "
                + offsets
                + " reach beyond the file, which has "
                + (fileBytes - dataBegin)
                + " bytes of data; the file is truncated");
      }
      return new TensorInfo(
          name, type, shape, dataBegin + offsets.get(0), dataBegin + offsets.get(1));
    }

    /** Returns the tensors in the order of their bytes, once these follow on without a gap. */
    private Map<String, TensorInfo> placed() {
      tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
      Map<String, TensorInfo> placed = new LinkedHashMap<>();
      long expected = dataBegin;
      for (TensorInfo tensor : tensors) {
        if (tensor.begin() != expected) {
          throw new SafetensorsException(
              path,
              tensor.name(),
              entryOffsets.get(tensor.name()),
              "its data begins at byte "
                  + tensor.begin()
                  + ", but the data before it ends at byte "
                  + expected
                  + "; tensors must follow on without gap or overlap");
        }
        expected = tensor.end();
        placed.put(tensor.name(), tensor);
      }
      if (expected != fileBytes) {
        throw new SafetensorsException(
            path,
            null,
            expected,
            (fileBytes - expected) + " bytes at the end of the file belong to no tensor");
      }
      return Collections.unmodifiableMap(placed);
    }

    private static long position(JsonParser parser) {
      return LENGTH_BYTES + parser.currentTokenLocation().getByteOffset();
    }

    private SafetensorsException wrong(JsonParser parser, String entry, String reason) {
      return new SafetensorsException(path, entry, position(parser), reason);
    }
  }
}
