package io.anchor4j.attention;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The words by which the command line and run files name an enum's constants. */
public final class CliNames {
  private CliNames() {}

  /** Returns the constant's name in lower case with hyphens, as in {@code per-document}. */
  public static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * Returns the constant that {@code word} names.
   *
   * @throws IllegalArgumentException if no constant of {@code type} has this name
   */
  public static <E extends Enum<E>> E parse(Class<E> type, String option, String word) {
    for (E constant : type.getEnumConstants()) {
      if (of(constant).equals(word)) {
        return constant;
      }
    }
    String words =
        Arrays.stream(type.getEnumConstants()).map(CliNames::of).collect(Collectors.joining(", "));
    throw new IllegalArgumentException(
        option + " must be one of " + words + ", got \"" + word + "\"");
  }
}
