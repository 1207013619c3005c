package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of {@code target_modules}. It comes from a file, and one such as {@code
 * (a+)+!} takes time exponential in the text: the characters it reads are counted.
 */
final class ModulePattern {
  private static final int LONGEST = 10_000;

  /** For one name of about 45 characters; patterns in use read a few hundred. */
  private static final int MOST_READS = 100_000;

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
      pattern = Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "target_modules is no regular expression: "
              + SafetensorsException.printable(e.getDescription() + ": " + text),
          e);
    } catch (StackOverflowError e) {
      throw tooCostly(text, e);
    }
  }

  /**
   * Says whether the pattern matches a whole name.
   *
   * @throws IllegalArgumentException if that takes too long
   */
  boolean matches(String module) {
    try {
      return pattern.matcher(new CountedText(module)).matches();
    } catch (TooManyReads | StackOverflowError e) {
      throw tooCostly(pattern.pattern(), e);
    }
  }

  private static IllegalArgumentException tooCostly(String text, Throwable cause) {
    return new IllegalArgumentException(
        "target_modules: the regular expression takes too long to match: "
            + SafetensorsException.printable(text),
        cause);
  }

  private static final class TooManyReads extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private static final class CountedText implements CharSequence {
    private final String text;
    private int reads;

    CountedText(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int index) {
      if (++reads > MOST_READS) {
        throw new TooManyReads();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
