package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.util.Collection;
import java.util.List;

/**
 * Which linear maps of a model have an adapter, as {@code target_modules} of PEFT says.
 *
 * @param names ends of module names, such as {@code q_proj} or {@code 3.mlp.up_proj}; empty where
 *     there is a pattern
 * @param pattern a regular expression (of RE2: without lookaround) that a whole module name must
 *     match, {@link #ALL_LINEAR} in any case, or null
 */
public record PeftTargets(List<String> names, String pattern) {
  /** Every linear map but the output. */
  public static final String ALL_LINEAR = "all-linear";

  private static final List<String> REFUSED = List.of("lm_head", "model.embed_tokens");

  /**
   * Checks the pattern.
   *
   * @throws IllegalArgumentException if there are neither names nor a pattern, or both, or the
   *     pattern is none
   */
  public PeftTargets {
    names = List.copyOf(names);
    checkArgument(
        names.isEmpty() != (pattern == null),
        "target_modules must be a list of names, a regular expression or all-linear, got %s and %s",
        names,
        pattern);
    if (ALL_LINEAR.equalsIgnoreCase(pattern)) {
      pattern = ALL_LINEAR;
    } else if (pattern != null) {
      new ModulePattern(pattern);
    }
  }

  /** Takes a list of names; {@code all-linear} alone is every linear map but the output. */
  public static PeftTargets of(List<String> names) {
    return names.equals(List.of(ALL_LINEAR))
        ? new PeftTargets(List.of(), ALL_LINEAR)
        : new PeftTargets(names, null);
  }

  /**
   * Returns the modules that are meant, in their order. As in PEFT, one name that meets a module is
   * enough; the output and the embedding, on which PEFT has adapters, are refused.
   *
   * @param linear names of all linear maps of the model but the output
   * @param source what messages call the targets
   * @throws IllegalArgumentException if no name, or the pattern, meets any of them
   */
  List<String> of(Collection<String> linear, String source) {
    for (String name : names) {
      if (REFUSED.stream().anyMatch(module -> isEnd(name, module))) {
        throw refused(name, linear, source);
      }
    }
    List<String> meant = meant(linear);
    checkArgument(
        !meant.isEmpty(),
        "%s: %s matches no linear map of the model, such as %s",
        source,
        SafetensorsException.printable(pattern == null ? names.toString() : pattern),
        linear.iterator().next());
    return meant;
  }

  /**
   * Checks that every name meets a module, which PEFT does not ask.
   *
   * @throws IllegalArgumentException if one does not
   */
  void requireEvery(Collection<String> linear, String source) {
    for (String name : names) {
      if (linear.stream().noneMatch(module -> isEnd(name, module))) {
        throw refused(name, linear, source);
      }
    }
  }

  private List<String> meant(Collection<String> linear) {
    if (pattern == null) {
      return linear.stream()
          .filter(module -> names.stream().anyMatch(name -> isEnd(name, module)))
          .toList();
    }
    return pattern.equals(ALL_LINEAR)
        ? List.copyOf(linear)
        : linear.stream().filter(new ModulePattern(pattern)::matches).toList();
  }

  private static IllegalArgumentException refused(
      String name, Collection<String> linear, String source) {
    return new IllegalArgumentException(
        "%s: \"%s\" is no linear map that can have an adapter; there are %s in each layer. Adapters on the output and the embedding are not supported."
            .formatted(
                source,
                SafetensorsException.printable(name),
                linear.stream()
                    .map(module -> module.substring(module.lastIndexOf('.') + 1))
                    .distinct()
                    .toList()));
  }

  private static boolean isEnd(String name, String module) {
    return module.equals(name) || module.endsWith("." + name);
  }
}
