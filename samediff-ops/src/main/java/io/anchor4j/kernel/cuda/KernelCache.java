package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled kernels on disk, one file each, named by all that they depend on.
 *
 * <p>A file begins with the SHA-256 of the rest, so that one cut short or changed is compiled anew.
 * Files appear whole or not at all, and processes may share the directory. Where it cannot be
 * written, kernels are compiled by each process.
 */
final class KernelCache {
  /** The system property that names the directory. */
  static final String PROPERTY = "anchor4j.cuda.cache";

  private static final Logger log = LoggerFactory.getLogger(KernelCache.class);
  private static final int DIGEST_BYTES = 32;
  private static final String SUFFIX = ".kernel";

  private final Path directory;
  private final long maxBytes;

  KernelCache(Path directory, long maxBytes) {
    this.directory = directory;
    this.maxBytes = maxBytes;
  }

  /**
   * Returns the cache of this user: in the directory that {@value #PROPERTY} names, else under
   * {@code XDG_CACHE_HOME} or {@code ~/.cache}, at most 256 MiB.
   */
  static KernelCache ofUser() {
    String named = System.getProperty(PROPERTY, "");
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path caches =
        xdg != null && Path.of(xdg).isAbsolute()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    Path directory = named.isEmpty() ? caches.resolve("anchor4j") : Path.of(named);
    return new KernelCache(directory, 256L << 20);
  }

  /** Returns the name of what comes of a source under all of that. */
  static String key(KernelSource source, List<String> options, String compiler, int driverVersion) {
    Hasher hasher = Hashing.sha256().newHasher();
    put(hasher, source.name());
    put(hasher, source.text());
    new TreeMap<>(source.headers())
        .forEach(
            (name, text) -> {
              put(hasher, name);
              put(hasher, text);
            });
    options.forEach(option -> put(hasher, option));
    put(hasher, compiler);
    return hasher.putInt(driverVersion).hash().toString();
  }

  /** With its length, so that no two lists of texts run together into the same bytes. */
  private static void put(Hasher hasher, String text) {
    hasher.putInt(text.length()).putString(text, UTF_8);
  }

  /** Returns what is kept under {@code key}, or what {@code compile} gives, which is then kept. */
  byte[] get(String key, Supplier<byte[]> compile) {
    Path file = directory.resolve(key + SUFFIX);
    byte[] kept = read(file);
    if (kept != null) {
      return kept;
    }
    byte[] image = compile.get();
    write(file, image);
    return image;
  }

  /** Returns null if there is no whole file. */
  private static byte[] read(Path file) {
    if (!Files.isRegularFile(file)) {
      return null;
    }
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length > DIGEST_BYTES
          && Arrays.equals(digest(bytes, DIGEST_BYTES), Arrays.copyOf(bytes, DIGEST_BYTES))) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now())); // oldest use goes first
        return Arrays.copyOfRange(bytes, DIGEST_BYTES, bytes.length);
      }
      log.warn("{} is damaged: compiling anew", file);
    } catch (IOException e) {
      log.warn("{} cannot be read ({}): compiling anew", file, e.toString());
    }
    return null;
  }

  private static byte[] digest(byte[] bytes, int from) {
    return Hashing.sha256().hashBytes(bytes, from, bytes.length - from).asBytes();
  }

  private void write(Path file, byte[] image) {
    if (DIGEST_BYTES + image.length > maxBytes) {
      return;
    }
    try {
      Files.createDirectories(directory);
      makeRoom(DIGEST_BYTES + image.length);
      Path whole = Files.createTempFile(directory, "new", ".part");
      try {
        try (var stream = Files.newOutputStream(whole)) {
          stream.write(digest(image, 0));
          stream.write(image);
        }
        Files.move(
            whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(whole);
      }
    } catch (IOException e) {
      log.warn(
          "compiled kernels are not kept: {} cannot be written ({}); {} names another directory",
          directory,
          e.toString(),
          PROPERTY);
    }
  }

  private record Kept(Path file, long bytes, FileTime used) {}

  private void makeRoom(long bytes) throws IOException {
    var kept = new ArrayList<Kept>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (file.toString().endsWith(SUFFIX)) {
          kept.add(new Kept(file, Files.size(file), Files.getLastModifiedTime(file)));
        }
      }
    }
    kept.sort(Comparator.comparing(Kept::used));
    long total = bytes + kept.stream().mapToLong(Kept::bytes).sum();
    for (Kept oldest : kept) {
      if (total <= maxBytes) {
        break;
      }
      Files.deleteIfExists(oldest.file());
      total -= oldest.bytes();
    }
  }
}
