package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.anchor4j.huggingface.safetensors.SafetensorsException;

/**
 * A regular expression of {@code target_modules}. It comes from a file, and in Java's own matcher
 * one such as {@code (a+)+!}, {@code ^{1000000000}} or forty times {@code (|)} has no end in
 * practice; RE2 takes time in proportion to pattern and name. It has no lookaround and no
 * back-references, which Python has: they are refused. {@link PythonPattern} rewrites the rest.
 */
final class ModulePattern {
  private static final int LONGEST = 10_000;

  /** RE2 writes out what is counted: a large model's names then take a second. */
  private static final int LONGEST_WRITTEN_OUT = 20_000;

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
    try {
      String re2 = PythonPattern.re2(text);
      checkArgument(
          PythonPattern.writtenOut(re2) <= LONGEST_WRITTEN_OUT,
          "target_modules: a regular expression of over %s characters, all that is counted written out, is too long: %s",
          LONGEST_WRITTEN_OUT,
          SafetensorsException.printable(text));
      pattern = Pattern.compile(re2);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "target_modules is no regular expression of RE2 (%s); list the names of modules instead: %s"
              .formatted(
                  SafetensorsException.printable(e.getDescription()),
                  SafetensorsException.printable(text)),
          e);
    } catch (StackOverflowError e) {
      throw new IllegalArgumentException(
          "target_modules: the regular expression is nested too deep: "
              + SafetensorsException.printable(text),
          e);
    }
  }

  /** Says whether the pattern matches a whole name. */
  boolean matches(String module) {
    return pattern.matches(module);
  }
}
