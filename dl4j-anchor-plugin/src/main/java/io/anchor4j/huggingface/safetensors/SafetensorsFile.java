package io.anchor4j.huggingface.safetensors;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Map;

/**
 * One safetensors file, open for reading. Opening reads the header alone; a tensor's bytes are
 * mapped when they are asked for, never copied whole, and files may be larger than memory.
 */
public final class SafetensorsFile implements Closeable {
  private final Path path;
  private final FileChannel channel;
  private final SafetensorsHeader header;

  private SafetensorsFile(Path path, FileChannel channel, SafetensorsHeader header) {
    this.path = path;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens {@code path} and checks its header.
   *
   * @throws SafetensorsException if the file is not a valid safetensors file
   * @throws IllegalArgumentException if there is no such file
   * @throws IOException if it cannot be read
   */
  public static SafetensorsFile open(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new IllegalArgumentException(path + ": there is no such file");
    }
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    try {
      return new SafetensorsFile(path, channel, SafetensorsHeader.read(channel, path));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Returns the path that was opened. */
  public Path path() {
    return path;
  }

  /** Returns the header's free strings, {@code format: pt} for most. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** Returns what the header says of every tensor, in the order of their bytes in the file. */
  public Collection<TensorInfo> tensors() {
    return header.tensors().values();
  }

  /** Says whether there is a tensor called {@code name}. */
  public boolean contains(String name) {
    return header.tensors().containsKey(name);
  }

  /**
   * Returns the tensor called {@code name}, readable until this file is closed.
   *
   * @throws SafetensorsException if there is none
   */
  public MappedTensor tensor(String name) {
    TensorInfo info = header.tensors().get(name);
    if (info == null) {
      throw new SafetensorsException(
          path, name, SafetensorsHeader.LENGTH_BYTES, "is not in the file");
    }
    return new MappedTensor(channel, path, info, MappedTensor.WINDOW_BYTES);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
