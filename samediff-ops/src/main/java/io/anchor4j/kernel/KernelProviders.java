package io.anchor4j.kernel;

import com.google.common.base.Suppliers;
import io.anchor4j.kernel.cpu.CpuKernels;
import io.anchor4j.kernel.cuda.CudaKernels;
import io.anchor4j.kernel.nd4j.Nd4jKernels;
import io.anchor4j.kernel.reference.ReferenceKernels;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
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

  private static final Logger log = LoggerFactory.getLogger(KernelProviders.class);

  /** Fastest first. {@code reference} comes last: it is there to be read and compared with. */
  private static final Map<String, Supplier<ProviderStatus>> PROVIDERS = new LinkedHashMap<>();

  static {
    // Suppliers and not a class's own start: a refusal tells its reason whenever it is met.
    PROVIDERS.put(CpuKernels.NAME, Suppliers.memoize(CpuKernels::find));
    // Behind cpu, which refuses where ND4J's arrays are on a GPU: elsewhere cuda copies them.
    PROVIDERS.put(CudaKernels.NAME, Suppliers.memoize(CudaKernels::find));
    PROVIDERS.put("nd4j", Suppliers.memoize(() -> ProviderStatus.works(new Nd4jKernels(), "")));
    PROVIDERS.put(
        "reference", Suppliers.memoize(() -> ProviderStatus.works(new ReferenceKernels(), "")));
  }

  private static final Supplier<KernelProvider> BEST =
      Suppliers.memoize(() -> choose(System.getProperty(PROPERTY, "auto")));

  private KernelProviders() {}

  /**
   * Returns the provider of this process, chosen on the first call.
   *
   * @throws IllegalArgumentException if the one that is asked for does not exist or not work here
   */
  public static KernelProvider best() {
    return BEST.get();
  }

  /** Returns every provider that works here, fastest first. */
  public static Stream<KernelProvider> available() {
    return all().map(ProviderStatus::provider).flatMap(Optional::stream);
  }

  /** Returns what became of every provider, fastest first. */
  public static Stream<ProviderStatus> all() {
    return PROVIDERS.values().stream().map(Supplier::get);
  }

  /**
   * Returns the provider of that name.
   *
   * @throws IllegalArgumentException if none has it, or it does not work here
   */
  public static KernelProvider named(String name) {
    return statusOf(name)
        .provider()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    PROPERTY + "=" + name + " does not work here: " + statusOf(name).note()));
  }

  private static ProviderStatus statusOf(String name) {
    Supplier<ProviderStatus> status = PROVIDERS.get(name);
    if (status == null) {
      throw new IllegalArgumentException(
          PROPERTY
              + " must be auto, "
              + String.join(", ", PROVIDERS.keySet())
              + ", got \""
              + name
              + "\"");
    }
    return status.get();
  }

  private static KernelProvider choose(String name) {
    var notes = new ArrayList<String>();
    KernelProvider chosen = null;
    for (String candidate : name.equals("auto") ? PROVIDERS.keySet() : Set.of(name)) {
      ProviderStatus status = statusOf(candidate);
      chosen = name.equals("auto") ? status.provider().orElse(null) : named(candidate);
      if (!status.note().isEmpty()) {
        notes.add(chosen == null ? candidate + ": " + status.note() : status.note());
      }
      if (chosen != null) {
        break;
      }
    }
    log.info(
        "{}={}: computing with {}{}",
        PROPERTY,
        name,
        chosen.description(),
        notes.isEmpty() ? "" : ": " + String.join("; ", notes));
    return chosen;
  }
}
