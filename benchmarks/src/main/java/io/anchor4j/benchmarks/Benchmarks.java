package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.contestant.BareKernel;
import io.anchor4j.benchmarks.contestant.PyTorch;
import io.anchor4j.kernel.KernelProviders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program behind {@code benchmarks/run}: measures, prints the report and writes it. */
@Command(
    name = "benchmarks/run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Measures this project beside PyTorch, transformers and stock DL4J, in turns, on the same"
            + " numbers. The report goes to standard output and to a file, progress to standard"
            + " error. Leave the machine alone meanwhile.")
public final class Benchmarks implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(Benchmarks.class);

  /** Where the repository is, which the launcher knows. */
  private static final Path ROOT = Path.of(System.getProperty("benchmarks.root", "."));

  @Spec private CommandSpec spec;

  @Option(names = "--quick", description = "Smaller sizes: about three minutes.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      split = ",",
      description =
          "Only these sections: attention, float32, compensated, jvm, documents, anchors, memory,"
              + " training, linear, companions, stock.")
  private List<String> only = List.of();

  @Option(
      names = "--python",
      paramLabel = "COMMAND",
      description = "A Python with torch and transformers (default: ${DEFAULT-VALUE}).")
  private String python = "python3";

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "Where the report goes (default: docs/performance.md; with --quick or --only,"
              + " benchmarks/target/performance.md).")
  private Path output;

  /** Exits with 2 for bad usage. */
  public static void main(String[] args) {
    var command = new CommandLine(new Benchmarks());
    String line = ("benchmarks/run " + String.join(" ", args)).strip();
    command.setExecutionStrategy(
        parsed -> {
          ((Benchmarks) parsed.commandSpec().userObject()).commandLine = line;
          return new CommandLine.RunLast().execute(parsed);
        });
    System.exit(command.execute(args));
  }

  private String commandLine;

  @Override
  public Integer call() throws IOException {
    Path target = ROOT.resolve("benchmarks/target");
    Path natives = target.resolve("native");
    int threads = Runtime.getRuntime().availableProcessors();
    Path partial = target.resolve("performance.md"); // what there is, after each section
    long began = System.nanoTime();
    Peak peak = Peak.measure(natives.resolve("peak"), threads);
    for (int again = 0; again < 2; again++) {
      peak = peak.or(Peak.measure(natives.resolve("peak"), threads));
    }
    log.info("peak: {}", peak);
    log.info("kernels: {}", KernelProviders.best().description());
    try (var pyTorch =
            PyTorch.start(
                python,
                ROOT.resolve("benchmarks/src/main/python/peer.py"),
                threads,
                target.resolve("peer.log"));
        var bareKernel =
            new BareKernel(
                natives.resolve("bare_attention"), threads, target.resolve("bare.log"))) {
      log.info("peer: {}", pyTorch.describe());
      List<Section> sections = chosen(new Suite(quick, peak, pyTorch, bareKernel).sections());
      PairedRun how = quick ? new PairedRun(3, 0.05, 2, 60) : new PairedRun(5, 0.25, 30, 60);
      List<String> parts = new ArrayList<>();
      boolean failed = false;
      for (Section section : sections) {
        try {
          parts.add(section.run(how));
        } catch (RuntimeException e) {
          log.error("{} failed", section.name(), e);
          parts.add("The section `%s` failed: %s\n".formatted(section.name(), e));
          failed = true;
        }
        var report =
            new Report(
                commandLine, threads, peak, pyTorch.describe(), how, System.nanoTime() - began);
        Files.writeString(partial, report.markdown(parts));
      }
      String whole = Files.readString(partial);
      System.out.println(whole);
      if (!failed && !file(partial).equals(partial)) {
        Files.writeString(file(partial), whole);
      }
      log.info("written to {}", failed ? partial : file(partial));
      return failed ? 1 : 0;
    }
  }

  private List<Section> chosen(List<Section> all) {
    for (String name : only) {
      if (all.stream().noneMatch(section -> section.name().equals(name))) {
        throw new ParameterException(
            spec.commandLine(),
            "--only: there is no section %s, but %s"
                .formatted(
                    name, all.stream().map(Section::name).collect(Collectors.joining(", "))));
      }
    }
    return all.stream().filter(section -> only.isEmpty() || only.contains(section.name())).toList();
  }

  /** Part of a report, or a quick one, must not take the place of a whole one by itself. */
  private Path file(Path partial) {
    if (output != null) {
      return output;
    }
    return quick || !only.isEmpty() ? partial : ROOT.resolve("docs/performance.md");
  }

  /** Returns the options that give another Java process this one's properties of that prefix. */
  static List<String> systemProperties(String prefix) {
    return System.getProperties().stringPropertyNames().stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> "-D" + name + "=" + System.getProperty(name))
        .toList();
  }
}
