package io.anchor4j.huggingface.tokenizer;

import com.google.common.base.CharMatcher;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The regular expressions of splits, as far as models in use have them.
 *
 * <p>They run in Oniguruma, whose answers the tokenizers library trusts: a match that ends before
 * it begins ({@code \K} in a look-ahead) ends the process, and so does a match that goes back over
 * 10,000,000 times. So what repeats a group that itself matches in several ways, {@code (a+)+}, is
 * refused: its steps back grow exponentially with the text. Those of a sequence of repetitions grow
 * with a power of it; {@link LibraryTokenizer} bounds the texts.
 */
final class SplitPattern {
  /** Those in use have 5; at 4,096 brackets the library runs out of stack and the process ends. */
  private static final int DEEPEST = 100;

  private static final CharMatcher LETTERS_AFTER_BACKSLASH = CharMatcher.anyOf("pPsSdDwWbBnrtux");
  private static final CharMatcher LETTER_OR_DIGIT =
      CharMatcher.inRange('a', 'z')
          .or(CharMatcher.inRange('A', 'Z'))
          .or(CharMatcher.inRange('0', '9'));

  private static final Set<String> GROUPS = Set.of("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?i:");

  private static final Pattern TIMES = Pattern.compile("[?*+]|\\{[0-9,]+}");

  private final String regex;
  private int at;

  private SplitPattern(String regex) {
    this.regex = regex;
  }

  /**
   * Checks a regular expression.
   *
   * @throws IllegalArgumentException if it has what those of models in use do not; the message says
   *     what
   */
  static void check(String regex) {
    new SplitPattern(regex).check();
  }

  private void check() {
    Deque<Boolean> varies = new ArrayDeque<>(); // for each open group: several ways to match
    varies.push(false);
    while (at < regex.length()) {
      char c = regex.charAt(at);
      switch (c) {
        case '\\' -> {
          skipEscape();
          markIf(repeated(/* varying= */ false), varies);
        }
        case '[' -> {
          skipClass();
          markIf(repeated(/* varying= */ false), varies);
        }
        case '(' -> {
          skipOpening();
          varies.push(false);
          refuseIf(varies.size() > DEEPEST, "nested over " + DEEPEST + " deep");
        }
        case ')' -> {
          at++;
          boolean inner = varies.size() > 1 && varies.pop();
          markIf(repeated(inner) || inner, varies);
        }
        case '|' -> {
          at++;
          markIf(true, varies);
        }
        default -> {
          at++;
          markIf(repeated(/* varying= */ false), varies);
        }
      }
    }
  }

  private static void markIf(boolean varying, Deque<Boolean> varies) {
    if (varying) {
      varies.pop();
      varies.push(true);
    }
  }

  private void skipEscape() {
    refuseIf(at + 1 == regex.length(), "ends in a backslash");
    char c = regex.charAt(at + 1);
    refuseIf(LETTER_OR_DIGIT.matches(c) && !LETTERS_AFTER_BACKSLASH.matches(c), "has \\" + c);
    at += 2;
    if (at < regex.length() && regex.charAt(at) == '{' && "pPux".indexOf(c) >= 0) {
      at = Math.max(at, regex.indexOf('}', at)) + 1;
    }
  }

  /** To the bracket that closes it: brackets may stand in brackets. */
  private void skipClass() {
    int depth = 0;
    do {
      refuseIf(at >= regex.length(), "has a [ without a ]");
      char c = regex.charAt(at);
      if (c == '\\') {
        skipEscape();
        continue;
      }
      at++;
      if (c == '[') {
        refuseIf(++depth > DEEPEST, "nested over " + DEEPEST + " deep");
        at += regex.startsWith("^", at) ? 1 : 0;
        at += regex.startsWith("]", at) ? 1 : 0; // the first is a character
      } else if (c == ']') {
        depth--;
      }
    } while (depth > 0);
  }

  private void skipOpening() {
    if (!regex.startsWith("(?", at) && !regex.startsWith("(*", at)) {
      at++;
      return;
    }
    String opening =
        GROUPS.stream().filter(group -> regex.startsWith(group, at)).findFirst().orElse(null);
    refuseIf(opening == null, "has a group of another kind than " + String.join(" ", GROUPS));
    at += opening.length();
  }

  /** Passes over how often what stands before is repeated; returns whether that varies. */
  private boolean repeated(boolean varying) {
    String times = times();
    if (times.isEmpty()) {
      return false;
    }
    boolean counted = times.startsWith("{");
    // A second sign says how eagerly: ++ or *?. After a count, + would repeat once more.
    if (at < regex.length() && (counted ? "?" : "?+").indexOf(regex.charAt(at)) >= 0) {
      at++;
    }
    refuseIf(
        !times().isEmpty() || (varying && !times.equals("?")),
        "repeats what matches in several ways");
    return !counted || times.indexOf(',') >= 0;
  }

  private String times() {
    Matcher matcher = TIMES.matcher(regex).region(at, regex.length());
    if (!matcher.lookingAt()) {
      return "";
    }
    at = matcher.end();
    return matcher.group();
  }

  private void refuseIf(boolean wrong, String what) {
    if (wrong) {
      throw new IllegalArgumentException(
          "a split's regular expression " + what + ", which is not supported");
    }
  }
}
