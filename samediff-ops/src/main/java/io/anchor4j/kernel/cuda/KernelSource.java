package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A CUDA C file with the headers that it includes.
 *
 * @param name the file's name, which messages of the compiler begin with
 * @param headers texts by the names that they are included by
 */
record KernelSource(String name, String text, Map<String, String> headers) {
  private static final Pattern INCLUDE =
      Pattern.compile("^#include [<\"](\\w+\\.cuh)[>\"]", Pattern.MULTILINE);

  KernelSource {
    headers = Map.copyOf(headers);
  }

  /** Reads a file of this package's resources, and whatever it includes. */
  static KernelSource of(String name) {
    String text = read(name);
    var headers = new TreeMap<String, String>();
    addHeaders(text, headers);
    return new KernelSource(name, text, headers);
  }

  private static void addHeaders(String text, Map<String, String> headers) {
    var includes = INCLUDE.matcher(text);
    while (includes.find()) {
      String header = includes.group(1);
      if (!headers.containsKey(header)) {
        headers.put(header, read(header));
        addHeaders(headers.get(header), headers);
      }
    }
  }

  private static String read(String name) {
    try (InputStream stream = KernelSource.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalStateException(name + " is missing from the jar of samediff-ops");
      }
      return new String(stream.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }
}
