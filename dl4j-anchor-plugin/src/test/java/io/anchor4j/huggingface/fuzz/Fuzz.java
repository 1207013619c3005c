package io.anchor4j.huggingface.fuzz;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Reads changed files. Each must end in a refusal (IllegalArgumentException or IOException, whose
 * one line names the file or its directory) or in the right result, within {@link #MOST_SECONDS} of
 * processor time and an allocation in proportion to the file.
 *
 * <p>Native memory, which the tokenizers' library takes, shows in the peak of the process, which no
 * input may raise by more than {@link #MOST_NATIVE_BYTES}.
 */
final class Fuzz {
  static final Map<String, Reader> READERS =
      Map.of(
          "adapter", new AdapterReader(),
          "safetensors", new SafetensorsReader(),
          "index", new IndexReader(),
          "config", new ConfigReader(),
          "tokenizer", new TokenizerReader(),
          "model", new ModelReader());

  private static final double MOST_SECONDS = 2;

  /** Of wall-clock time: the machine may be busy with other things. */
  private static final int HANGS_AFTER_SECONDS = 60;

  /** What any read takes, and what a byte of the file does. */
  private static final long MOST_BYTES = 4L << 20;

  private static final long MOST_BYTES_A_BYTE = 200;
  private static final long MOST_NATIVE_BYTES = 300L << 20;
  private static final int LONGEST_MESSAGE = 4000;

  private final String name;
  private final long seed;
  private final Path directory;
  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private int refused;
  private double slowest;
  private long largest;

  Fuzz(String name, long seed, Path directory) {
    this.name = name;
    this.seed = seed;
    this.directory = directory;
  }

  /**
   * Tries {@code inputs} files.
   *
   * @return what was seen, in a line
   * @throws AssertionError at the first that is not handled well; its message has the seed, and the
   *     file stays as it is
   */
  String run(int inputs) throws IOException, InterruptedException {
    Reader reader = READERS.get(name);
    Path[] files = reader.writeGoodFiles(directory);
    byte[][] good = new byte[files.length][];
    for (int i = 0; i < files.length; i++) {
      good[i] = Files.readAllBytes(files[i]);
    }
    reader.readAndCompare(directory); // Classes are loaded, and the good files are good.
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try {
      for (int input = 0; input < inputs; input++) {
        // One seed an input: any can be made again alone.
        var random = new Random(seed * 1_000_003 + input);
        int file = random.nextInt(files.length);
        byte[] changed = reader.mutate(random, good[file]);
        Files.write(files[file], changed);
        String where = "%s, seed %d, input %d: %s".formatted(name, seed, input, files[file]);
        Future<?> future = thread.submit(() -> measure(reader, changed.length, where));
        future.get(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
        Files.write(files[file], good[file]);
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause().getMessage(), e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError(name + ", seed " + seed + ": hangs; the file is in " + directory, e);
    } finally {
      thread.shutdownNow();
    }
    return "%s: %d inputs, seed %d: %d refused, %d read right; slowest %.2f s, most %d KiB"
        .formatted(name, inputs, seed, refused, inputs - refused, slowest, largest >> 10);
  }

  private void measure(Reader reader, int fileBytes, String where) {
    long id = Thread.currentThread().getId();
    long peak = peakBytes();
    long time = threads.getCurrentThreadCpuTime();
    long bytes = threads.getThreadAllocatedBytes(id);
    try {
      reader.readAndCompare(directory);
    } catch (IllegalArgumentException | IOException e) {
      refused++;
      check(e, where);
    } catch (Throwable e) {
      throw new AssertionError(where + ": " + e, e);
    }
    double seconds = (threads.getCurrentThreadCpuTime() - time) / 1e9;
    bytes = threads.getThreadAllocatedBytes(id) - bytes;
    slowest = Math.max(slowest, seconds);
    largest = Math.max(largest, bytes);
    if (seconds > MOST_SECONDS) {
      throw new AssertionError(where + ": took " + seconds + " s");
    }
    if (bytes > MOST_BYTES + MOST_BYTES_A_BYTE * fileBytes) {
      throw new AssertionError(where + ": allocated " + bytes + " bytes");
    }
    if (peakBytes() - peak > MOST_NATIVE_BYTES) {
      throw new AssertionError(where + ": raised the peak by " + (peakBytes() - peak) + " bytes");
    }
  }

  private void check(Exception e, String where) {
    String message = String.valueOf(e.getMessage());
    boolean ours =
        e.getClass() == IllegalArgumentException.class
            || e.getClass().getName().startsWith("io.anchor4j.")
            || e instanceof IOException;
    boolean clear =
        message.contains(directory.toString())
            && message.lines().count() == 1
            && message.length() <= LONGEST_MESSAGE
            && message.chars().noneMatch(Character::isISOControl);
    if (!ours || !clear) {
      String shown = message.substring(0, Math.min(message.length(), LONGEST_MESSAGE));
      throw new AssertionError(where + ": not a clear error: " + e.getClass() + ": " + shown, e);
    }
  }

  /** The process's peak on Linux; elsewhere 0. */
  private static long peakBytes() {
    Path status = Path.of("/proc/self/status");
    try {
      return !Files.exists(status)
          ? 0
          : Files.readAllLines(status).stream()
              .filter(line -> line.startsWith("VmHWM:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
              .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
