package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.collect.ImmutableList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Which linear maps of a model have an adapter, as {@code target_modules} of PEFT says.
 *
 * @param names ends of module names, such as {@code q_proj} or {@code 3.mlp.up_proj}; empty where
 *     there is a pattern
 * @param pattern a regular expression that a whole module name must match, {@link #ALL_LINEAR}, or
 *     null
 */
public record PeftTargets(List<String> names, String pattern) {
  /** Every linear map but the output. */
  public static final String ALL_LINEAR = "all-linear";

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
    if (pattern != null) {
      try {
        Pattern.compile(pattern);
      } catch (PatternSyntaxException e) {
        throw new IllegalArgumentException(
            "target_modules is no regular expression: " + e.getDescription() + ": " + pattern, e);
      }
    }
  }

  /** Takes a list of names; {@code all-linear} alone is every linear map but the output. */
  public static PeftTargets of(List<String> names) {
    return names.equals(List.of(ALL_LINEAR))
        ? new PeftTargets(List.of(), ALL_LINEAR)
        : new PeftTargets(names, null);
  }

  /**
   * Returns the modules that are meant, in their order.
   *
   * @param linear names of all linear maps of the model but the output
   * @throws IllegalArgumentException if a name or the pattern meets none of them
   */
  List<String> of(Iterable<String> linear, String source) {
    List<String> all = ImmutableList.copyOf(linear);
    for (String name : names) {
      checkArgument(
          all.stream().anyMatch(module -> isEnd(name, module)),
          "%s: target_modules: \"%s\" is no linear map that can have an adapter; there are %s in"
              + " each layer. Adapters on the output and the embedding are not supported.",
          source,
          name,
          all.stream()
              .map(module -> module.substring(module.lastIndexOf('.') + 1))
              .distinct()
              .toList());
    }
    Pattern compiled =
        pattern == null || pattern.equals(ALL_LINEAR) ? null : Pattern.compile(pattern);
    List<String> meant =
        all.stream()
            .filter(
                module ->
                    pattern == null
                        ? names.stream().anyMatch(name -> isEnd(name, module))
                        : compiled == null || compiled.matcher(module).matches())
            .toList();
    checkArgument(
        !meant.isEmpty(),
        "%s: target_modules: %s matches no linear map of the model, such as %s",
        source,
        pattern,
        all.get(0));
    return meant;
  }

  private static boolean isEnd(String name, String module) {
    return module.equals(name) || module.endsWith("." + name);
  }
}
