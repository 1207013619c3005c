package io.anchor4j.kernel;

import io.anchor4j.kernel.nd4j.Nd4jKernels;
import io.anchor4j.kernel.reference.ReferenceKernels;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the provider that computes the ops of this process.
 *
 * <p>The system property {@value #PROPERTY} asks for one by name; {@code auto}, the default, takes
 * the fastest that works here. One asked for by name is used or refused, never replaced.
 */
public final class KernelProviders {

  /** The system property that names a provider, or {@code auto}. */
  public static final String PROPERTY = "anchor4j.kernels";

  /** Fastest first. {@code reference} comes last: it is there to be read and compared with. */
  private static final List<KernelProvider> PROVIDERS =
      List.of(new Nd4jKernels(), new ReferenceKernels());

  private static final Logger log = LoggerFactory.getLogger(KernelProviders.class);

  private KernelProviders() {}

  private static final class Holder {
    static final KernelProvider BEST = choose(System.getProperty(PROPERTY, "auto"));
  }

  /** Returns the provider of this process, chosen on the first call. */
  public static KernelProvider best() {
    return Holder.BEST;
  }

  /** Returns every provider that works here, fastest first. */
  public static Stream<KernelProvider> available() {
    return PROVIDERS.stream();
  }

  /**
   * Returns the provider of that name.
   *
   * @throws IllegalArgumentException if none has it
   */
  public static KernelProvider named(String name) {
    return available()
        .filter(provider -> provider.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    PROPERTY
                        + " must be auto, "
                        + available().map(KernelProvider::name).collect(Collectors.joining(", "))
                        + ", got \""
                        + name
                        + "\""));
  }

  private static KernelProvider choose(String name) {
    KernelProvider chosen =
        name.equals("auto") ? available().findFirst().orElseThrow() : named(name);
    log.info("{}={}: computing with {}", PROPERTY, name, chosen.name());
    return chosen;
  }
}
