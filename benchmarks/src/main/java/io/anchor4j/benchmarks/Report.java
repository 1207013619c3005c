package io.anchor4j.benchmarks;

import io.anchor4j.kernel.KernelProviders;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What stands around the sections: machine, versions, how it was measured.
 *
 * @param nanos the run took
 */
record Report(String command, int threads, Peak peak, String peer, PairedRun how, long nanos) {

  String markdown(List<String> sections) {
    return """
        # Performance

        Written by `%s` on %s; [benchmarks.md](benchmarks.md) says how to run it and how it measures.

        | | |
        |---|---|
        | processor | %s |
        | instruction sets | %s |
        | threads, memory | %d, %s |
        | peak, operands in registers | %s |
        | kernels | %s |
        | Java | %s %s |
        | ND4J | %s |
        | peer | %s |

        Contestants took turns, at most %d rounds a case; times are the median round's, a ratio is the
        median of the rounds' own ratios, with the lowest and highest behind it (none: one round).
        Above 1x, ours is faster, where ours is compared with others. "Of peak" is the rate of useful
        operations as a share of the peak of its type. The run took %.0f minutes.

        %s"""
        .formatted(
            command,
            LocalDate.now(ZoneOffset.UTC),
            Machine.processor(),
            Machine.instructionSets(),
            threads,
            Machine.memory(),
            peak,
            KernelProviders.best().description(),
            System.getProperty("java.vm.name"),
            Runtime.version(),
            jar(Nd4j.class),
            peer,
            how.rounds(),
            nanos / 60e9,
            String.join("\n", sections));
  }

  /** ND4J's manifest has no version, the name of its jar does. */
  private static String jar(Class<?> of) {
    String location = of.getProtectionDomain().getCodeSource().getLocation().getPath();
    return location.substring(location.lastIndexOf('/') + 1).replaceFirst("\\.jar$", "");
  }
}
