package io.anchor4j.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The file metrics.jsonl of a run: a line a step, and a line for each validation. Every line is
 * handed to the system as it is written, so that it outlives the process.
 */
final class MetricsLog implements Closeable {
  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private final FileChannel channel;

  private record Validation(long step, double validationLoss) {}

  private MetricsLog(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Opens the file to go on after a step: lines of later steps go, and one that was cut short by
   * the end of its process. After step 0 the file is empty.
   *
   * @throws IllegalArgumentException if another run is writing to the file
   * @throws IOException if the file cannot be read or written
   */
  static MetricsLog open(Path file, long lastStep) throws IOException {
    // Read before locking: closing any handle on a file lets go of the process's locks on it.
    long kept = Files.exists(file) ? bytesUpTo(file, lastStep) : 0;
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      lock(channel, file);
      channel.truncate(kept).position(kept);
      return new MetricsLog(channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** The system lets go of the lock when the process ends, however it ends. */
  private static void lock(FileChannel channel, Path file) throws IOException {
    FileLock lock = null;
    try {
      // A byte that is never written: on Windows a locked one could not be read by others.
      lock = channel.tryLock(Long.MAX_VALUE - 1, 1, false);
    } catch (OverlappingFileLockException e) {
      // Held by this process: as if by another.
    }
    if (lock == null) {
      throw new IllegalArgumentException(
          file + ": another run is writing here. Wait for its end, or choose another output.");
    }
  }

  private static long bytesUpTo(Path file, long lastStep) throws IOException {
    long size = Files.size(file);
    long kept = 0;
    // One byte a character: the lines are ASCII.
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      String line = lines.readLine();
      while (line != null && kept + line.length() < size && isUpTo(lastStep, line)) {
        kept += line.length() + 1;
        line = lines.readLine();
      }
    }
    return kept;
  }

  private static boolean isUpTo(long lastStep, String line) {
    try {
      JsonNode step = JSON.readTree(line).path("step");
      return step.isIntegralNumber() && step.longValue() <= lastStep;
    } catch (JsonProcessingException e) {
      return false; // cut short: nothing that counts comes after it
    }
  }

  void step(StepMetrics metrics) throws IOException {
    write(metrics);
  }

  void validation(long step, double loss) throws IOException {
    write(new Validation(step, loss));
  }

  /** Puts all lines on the disk, as must be before a checkpoint counts on them. */
  void force() throws IOException {
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private void write(Object value) throws IOException {
    ByteBuffer line =
        ByteBuffer.wrap(
            (JSON.writeValueAsString(value) + "\n").getBytes(StandardCharsets.US_ASCII));
    while (line.hasRemaining()) {
      channel.write(line);
    }
  }
}
