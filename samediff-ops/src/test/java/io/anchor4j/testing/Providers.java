package io.anchor4j.testing;

import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import io.anchor4j.kernel.cpu.CpuKernels;
import io.anchor4j.kernel.cpu.InstructionSet;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.slf4j.LoggerFactory;

/** What a test of every provider runs on: the cpu kernels once for each instruction set here. */
public final class Providers {
  /** Set by the build: the names of the providers that it made. */
  public static final String BUILT = "anchor4j.test.providers";

  private static final List<Named<KernelProvider>> ALL = find();

  private Providers() {}

  /** All that work here. */
  public static Stream<Named<KernelProvider>> all() {
    return ALL.stream();
  }

  /** All but the reference. */
  public static Stream<Named<KernelProvider>> fast() {
    return all().filter(provider -> !provider.getName().equals("reference"));
  }

  /** The names of those that must work here. */
  public static List<String> built() {
    return List.of(System.getProperty(BUILT, "nd4j,reference").split(","));
  }

  private static List<Named<KernelProvider>> find() {
    boolean cpu = KernelProviders.available().anyMatch(CpuKernels.class::isInstance);
    if (cpu) {
      // Told and not skipped in silence: a green run here says nothing about these.
      Arrays.stream(InstructionSet.values())
          .map(InstructionSet::obstacle)
          .flatMap(Optional::stream)
          .forEach(why -> LoggerFactory.getLogger(Providers.class).warn("Not tested: {}", why));
    }
    Stream<Named<KernelProvider>> ofCpu =
        Arrays.stream(InstructionSet.values())
            .filter(InstructionSet::supported)
            .map(isa -> Named.of("cpu-" + isa.cliName(), new CpuKernels(isa)));
    Stream<Named<KernelProvider>> others =
        KernelProviders.available()
            .filter(provider -> !(provider instanceof CpuKernels))
            .map(provider -> Named.of(provider.name(), provider));
    return Stream.concat(ofCpu, others).toList();
  }
}
