package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.anchor4j.huggingface.safetensors.SafetensorsException;

/**
 * A regular expression of {@code target_modules}. It comes from a file, and in Java's own matcher
 * one such as {@code (a+)+!}, {@code ^{1000000000}} or forty times {@code (|)} has no end in
 * practice; RE2 takes time in proportion to pattern and name. It has no lookaround and no
 * back-references, which Python has: they are refused.
 */
final class ModulePattern {
  private static final int LONGEST = 10_000;

  /** RE2 writes out what is counted: a large model's names then take a second. */
  private static final int LONGEST_WRITTEN_OUT = 20_000;

  private static final java.util.regex.Pattern COUNT =
      java.util.regex.Pattern.compile("\\{(\\d+)(?:,(\\d*))?}");

  private final Pattern pattern;

  /**
   * Compiles a pattern.
   *
   * @throws IllegalArgumentException if it is none, or too long or too deep
   */
  ModulePattern(String text) {
    checkArgument(
        text.length() <= LONGEST,
        "target_modules: a regular expression of %s characters is over the limit of %s",
        text.length(),
        LONGEST);
    checkArgument(
        writtenOut(text) <= LONGEST_WRITTEN_OUT,
        "target_modules: a regular expression of over %s characters, all that is counted written out, is too long: %s",
        LONGEST_WRITTEN_OUT,
        SafetensorsException.printable(text));
    try {
      pattern = Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "target_modules is no regular expression of RE2, which has no lookaround and no back-references: "
              + SafetensorsException.printable(e.getDescription() + ": " + text),
          e);
    } catch (StackOverflowError e) {
      throw new IllegalArgumentException(
          "target_modules: the regular expression is nested too deep: "
              + SafetensorsException.printable(text),
          e);
    }
  }

  /** At most: as if every count stood around the whole pattern. */
  private static double writtenOut(String text) {
    double length = text.length();
    for (java.util.regex.Matcher count = COUNT.matcher(text); count.find(); ) {
      String most = count.group(2) == null || count.group(2).isEmpty() ? "0" : count.group(2);
      length *= Math.max(1, Math.max(Double.parseDouble(count.group(1)), Double.parseDouble(most)));
    }
    return length;
  }

  /** Says whether the pattern matches a whole name. */
  boolean matches(String module) {
    return pattern.matches(module);
  }
}
