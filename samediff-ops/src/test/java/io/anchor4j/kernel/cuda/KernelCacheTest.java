package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelCacheTest {
  @TempDir private Path directory;
  private final AtomicInteger compiled = new AtomicInteger();

  private byte[] get(KernelCache cache, String key) {
    return cache.get(
        key,
        () -> {
          compiled.incrementAndGet();
          return key.repeat(100).getBytes(StandardCharsets.US_ASCII);
        });
  }

  private static Set<Path> files(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return new HashSet<>(files.toList());
    }
  }

  @Test
  void compilesOnce() throws IOException {
    var cache = new KernelCache(directory.resolve("made"), 1 << 20);
    byte[] first = get(cache, "a");
    assertArrayEquals(first, get(cache, "a"));
    assertArrayEquals(first, get(new KernelCache(directory.resolve("made"), 1 << 20), "a"));
    assertEquals(1, compiled.get());
    assertEquals(Set.of(directory.resolve("made/a.kernel")), files(directory.resolve("made")));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 31, 32, 60, 131})
  void compilesAnewWhatWasCutShort(int bytes) throws IOException {
    var cache = new KernelCache(directory, 1 << 20);
    byte[] whole = get(cache, "a");
    Path file = directory.resolve("a.kernel");
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    assertArrayEquals(whole, get(cache, "a"));
    assertArrayEquals(whole, get(cache, "a"));
    assertEquals(2, compiled.get());
  }

  @Test
  void compilesAnewWhatWasChanged() throws IOException {
    var cache = new KernelCache(directory, 1 << 20);
    byte[] whole = get(cache, "a");
    Path file = directory.resolve("a.kernel");
    byte[] changed = Files.readAllBytes(file);
    changed[70] ^= 1;
    Files.write(file, changed);
    assertArrayEquals(whole, get(cache, "a"));
    assertEquals(2, compiled.get());
  }

  @Test
  void dropsWhatWasNotUsedForLongest() throws IOException {
    var cache = new KernelCache(directory, 3 * 132);
    for (String key : List.of("a", "b", "c")) {
      get(cache, key);
    }
    Instant now = Instant.now();
    Files.setLastModifiedTime(directory.resolve("a.kernel"), FileTime.from(now.minusSeconds(30)));
    Files.setLastModifiedTime(directory.resolve("b.kernel"), FileTime.from(now.minusSeconds(20)));
    Files.setLastModifiedTime(directory.resolve("c.kernel"), FileTime.from(now.minusSeconds(10)));
    get(cache, "a"); // used again
    get(cache, "d");
    assertEquals(
        Set.of("a.kernel", "c.kernel", "d.kernel"),
        Set.of(
            files(directory).stream().map(f -> f.getFileName().toString()).toArray(String[]::new)));
  }

  @Test
  void anythingElseInTheDirectoryIsLeftAlone() throws IOException {
    Path other = Files.writeString(directory.resolve("notes.txt"), "x".repeat(1000));
    get(new KernelCache(directory, 200), "a");
    get(new KernelCache(directory, 200), "b");
    assertTrue(Files.exists(other));
    assertFalse(Files.exists(directory.resolve("a.kernel")));
  }

  @Test
  void goesWithoutADirectoryThatCannotBeWritten() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "");
    var cache = new KernelCache(file.resolve("below"), 1 << 20);
    get(cache, "a");
    assertEquals(100, get(cache, "a").length);
    assertEquals(2, compiled.get());
  }

  @Test
  void theKeyHoldsAllThatTheImageDependsOn() {
    var source = new KernelSource("a.cu", "text", Map.of("h.cuh", "header"));
    var keys = new HashSet<String>();
    keys.add(KernelCache.key(source, List.of("-DD=64"), "12.6", 12_040));
    keys.add(KernelCache.key(source, List.of("-DD=128"), "12.6", 12_040));
    keys.add(KernelCache.key(source, List.of("-DD=64", ""), "12.6", 12_040));
    keys.add(KernelCache.key(source, List.of("-DD=64"), "12.8", 12_040));
    keys.add(KernelCache.key(source, List.of("-DD=64"), "12.6", 12_080));
    var other = new KernelSource("a.cu", "text", Map.of("h.cuh", "headers"));
    keys.add(KernelCache.key(other, List.of("-DD=64"), "12.6", 12_040));
    var renamed = new KernelSource("b.cu", "text", Map.of("h.cuh", "header"));
    keys.add(KernelCache.key(renamed, List.of("-DD=64"), "12.6", 12_040));
    var changed = new KernelSource("a.cu", "text ", Map.of("h.cuh", "header"));
    keys.add(KernelCache.key(changed, List.of("-DD=64"), "12.6", 12_040));
    assertEquals(8, keys.size());
    assertTrue(keys.contains(KernelCache.key(source, List.of("-DD=64"), "12.6", 12_040)));
  }
}
