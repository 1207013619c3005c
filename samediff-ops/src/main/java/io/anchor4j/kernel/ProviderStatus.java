package io.anchor4j.kernel;

import java.util.Optional;

/**
 * What became of a provider in this process.
 *
 * @param name the name by which it is asked for
 * @param provider empty where it does not work here
 * @param note why it does not work here, or what keeps it from being faster; may be empty
 */
public record ProviderStatus(String name, Optional<KernelProvider> provider, String note) {

  /** A provider that works, with what keeps it from being faster. */
  public static ProviderStatus works(KernelProvider provider, String note) {
    return new ProviderStatus(provider.name(), Optional.of(provider), note);
  }

  /** A provider that does not work here. */
  public static ProviderStatus absent(String name, String why) {
    return new ProviderStatus(name, Optional.empty(), why);
  }
}
