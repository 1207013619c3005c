package io.anchor4j.huggingface.safetensors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes safetensors files, each by {@link WholeFile}: the tensors may come from the very file that
 * is replaced.
 */
public final class SafetensorsWriter {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SafetensorsWriter() {}

  /**
   * Writes {@code tensors} to {@code file}, those of wide types first so that every element lies on
   * a multiple of its size, otherwise in the order given.
   *
   * @param metadata free strings for the header; transformers asks for {@code format: pt}
   * @throws IllegalArgumentException if two tensors have one name
   * @throws IOException if the file cannot be written; then nothing is left behind
   */
  public static void write(Path file, Map<String, String> metadata, List<TensorSource> tensors)
      throws IOException {
    requireDistinct(tensors);
    WholeFile.write(file, channel -> writeTo(channel, metadata, tensors));
  }

  static void requireDistinct(List<TensorSource> tensors) {
    Set<String> names = new HashSet<>();
    for (TensorSource tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new IllegalArgumentException("two tensors are called \"" + tensor.name() + "\"");
      }
    }
  }

  private static void writeTo(
      FileChannel channel, Map<String, String> metadata, List<TensorSource> tensors)
      throws IOException {
    List<TensorSource> ordered = new ArrayList<>(tensors);
    ordered.sort(Comparator.comparingInt((TensorSource tensor) -> tensor.type().bits()).reversed());
    ByteBuffer header = header(metadata, ordered);
    while (header.hasRemaining()) {
      channel.write(header);
    }
    for (TensorSource tensor : ordered) {
      TensorSink sink = new TensorSink(channel, tensor);
      tensor.content().writeTo(sink);
      sink.finish();
    }
  }

  private static ByteBuffer header(Map<String, String> metadata, List<TensorSource> tensors)
      throws IOException {
    ObjectNode header = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      metadata.forEach(header.putObject(SafetensorsHeader.METADATA)::put);
    }
    long position = 0;
    for (TensorSource tensor : tensors) {
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", tensor.type().name());
      tensor.shape().forEach(entry.putArray("shape")::add);
      long end = position + tensor.bytes();
      entry.putArray("data_offsets").add(position).add(end);
      position = end;
    }
    byte[] json = JSON.writeValueAsBytes(header);
    // Padded with spaces so that the data begins at a multiple of eight.
    byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES + padded.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(padded.length)
        .put(padded)
        .flip();
  }
}
