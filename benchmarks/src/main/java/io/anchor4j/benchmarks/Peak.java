package io.anchor4j.benchmarks;

import io.anchor4j.attention.Precision;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The roofline: what the multiply-add instructions of this machine reach when all operands stay in
 * registers, all threads together, measured by {@code peak.cpp}.
 *
 * @param byInstructionSet GFLOP/s; names begin with the type of the operands
 */
record Peak(Map<String, Double> byInstructionSet) {

  /** Measures, or knows nothing where the program was not compiled. */
  static Peak measure(Path program, int threads) {
    Map<String, Double> rates = new LinkedHashMap<>();
    if (Files.isExecutable(program)) {
      try {
        Process process =
            new ProcessBuilder(program.toString(), Integer.toString(threads))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        for (String line : output.lines().toList()) {
          int space = line.lastIndexOf(' ');
          rates.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
        }
      } catch (IOException e) {
        throw new IllegalStateException(program + " cannot be run", e);
      }
    }
    return new Peak(rates);
  }

  /** Returns the best of both, rate by rate: clocks are not always as high as they can be. */
  Peak or(Peak other) {
    Map<String, Double> best = new LinkedHashMap<>(byInstructionSet);
    other.byInstructionSet.forEach((name, rate) -> best.merge(name, rate, Math::max));
    return new Peak(best);
  }

  /** Returns the most that products at that precision could reach, 0 if not known. */
  double gigaflops(Precision precision) {
    String type = precision == Precision.FLOAT32 ? "float32" : "";
    return byInstructionSet.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(type))
        .mapToDouble(Map.Entry::getValue)
        .max()
        .orElse(0);
  }

  @Override
  public String toString() {
    if (byInstructionSet.isEmpty()) {
      return "not measured: no C++ compiler (g++) when run was started";
    }
    return byInstructionSet.entrySet().stream()
        .map(entry -> "%s %.0f GFLOP/s".formatted(entry.getKey(), entry.getValue()))
        .collect(Collectors.joining(", "));
  }
}
