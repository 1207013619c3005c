package io.anchor4j.huggingface.safetensors;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors files made byte by byte, wrong ones above all. */
final class SafetensorsBytes {
  private SafetensorsBytes() {}

  /** Writes a length, {@code header} and as many zero bytes of data as asked for. */
  static Path file(Path directory, String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return file(directory, json.length, json, dataBytes);
  }

  static Path file(Path directory, long headerLength, byte[] json, int dataBytes) {
    byte[] bytes =
        ByteBuffer.allocate(8 + json.length + dataBytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(headerLength)
            .put(json)
            .array();
    return write(directory.resolve("model.safetensors"), bytes);
  }

  static Path write(Path file, byte[] bytes) {
    try {
      return Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
