package io.anchor4j.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The machine that is measured. */
final class Machine {
  /** What decides how fast products can be. */
  private static final List<String> NOTABLE =
      List.of("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve");

  private Machine() {}

  /** Returns the processor's name with its family and model, which a cloud's names leave out. */
  static String processor() {
    String name = cpuInfo("model name");
    String family = cpuInfo("cpu family");
    String model = cpuInfo("model");
    String base = name.isEmpty() ? System.getProperty("os.arch") : name;
    return family.isEmpty() ? base : "%s (family %s, model %s)".formatted(base, family, model);
  }

  /** Returns the instruction sets it has for products. */
  static String instructionSets() {
    List<String> flags = List.of((cpuInfo("flags") + cpuInfo("Features")).split(" "));
    return String.join(" ", NOTABLE.stream().filter(flags::contains).toList());
  }

  static String memory() {
    return "%.0f GiB".formatted(procField(Path.of("/proc/meminfo"), "MemTotal") / 1024.0 / 1024.0);
  }

  private static String cpuInfo(String field) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.matches(field + "\\s*:.*"))
          .findFirst()
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .orElse("");
    } catch (IOException e) {
      return ""; // not Linux
    }
  }

  /** Returns a field of a file like /proc/self/status, in KiB, or 0 where there is none. */
  static long procField(Path file, String field) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith(field + ":"))
          .findFirst()
          .map(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .orElse(0L);
    } catch (IOException e) {
      return 0;
    }
  }
}
