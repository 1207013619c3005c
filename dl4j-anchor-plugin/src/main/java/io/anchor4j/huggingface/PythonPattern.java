package io.anchor4j.huggingface;

import com.google.re2j.PatternSyntaxException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Regular expressions of Python's {@code re} as RE2 has to be given them: what both have but write
 * otherwise is rewritten, else RE2 takes it for something else and fewer names match.
 */
final class PythonPattern {
  private static final Pattern COUNT = Pattern.compile("\\{(\\d+)(?:,(\\d*))?}");
  private static final Pattern AT_MOST = Pattern.compile("\\{,\\d*}");
  private static final Pattern FLAGS = Pattern.compile("\\(\\?[a-zA-Z-]*\\)");

  private PythonPattern() {}

  /**
   * Returns {@code python} in RE2's syntax: <code>{,n}</code> as <code>{0,n}</code>, {@code \Z} as
   * {@code \z}, {@code [[:} as the two characters it is in Python, and without {@code (?a)} at its
   * beginning, as RE2's classes are ASCII anyway.
   *
   * @throws PatternSyntaxException if it has flags elsewhere than at its beginning, or {@code \Q};
   *     Python refuses both, and RE2 counts neither as a part of the pattern
   */
  static String re2(String python) {
    String text = python.startsWith("(?a)") ? python.substring("(?a)".length()) : python;
    var re2 = new StringBuilder();
    for (int at = 0, end; at < text.length(); at = end) {
      end = end(text, at);
      String part = text.substring(at, end);
      if (part.equals("\\Q") || at > 0 && at(FLAGS, text, at).lookingAt()) {
        throw new PatternSyntaxException(
            part.equals("\\Q") ? "invalid escape sequence" : "flags not at the beginning");
      }
      if (part.equals("\\Z")) {
        part = "\\z";
      } else if (part.startsWith("[")) {
        part = "[" + part.substring(1).replace("[:", "[\\:");
      } else if (at(AT_MOST, text, at).lookingAt()) {
        part = "{0";
      }
      re2.append(part);
    }
    return re2.toString();
  }

  /** Returns at least the number of characters of a pattern of RE2 without its counts. */
  static double writtenOut(String re2) {
    Deque<Double> enclosing = new ArrayDeque<>();
    double sum = 0;
    double last = 0;
    for (int at = 0, end; at < re2.length(); at = end) {
      end = end(re2, at);
      Matcher count = at(COUNT, re2, at);
      if (re2.charAt(at) == '(') {
        enclosing.push(sum);
        sum = 1;
      } else if (re2.charAt(at) == ')' && !enclosing.isEmpty()) {
        last = sum + 1;
        sum = enclosing.pop() + last;
      } else if (count.lookingAt()) {
        sum += last * (most(count) - 1);
        last *= most(count);
        end = count.end();
      } else {
        last = end - at;
        sum += last;
      }
    }
    while (!enclosing.isEmpty()) {
      sum += enclosing.pop();
    }
    return sum;
  }

  private static double most(Matcher count) {
    String most = count.group(2) == null || count.group(2).isEmpty() ? "1" : count.group(2);
    return Math.max(1, Math.max(Double.parseDouble(count.group(1)), Double.parseDouble(most)));
  }

  private static Matcher at(Pattern pattern, String text, int at) {
    return pattern.matcher(text).region(at, text.length());
  }

  /** Returns the end of the escape, the class or the other character that begins at {@code at}. */
  private static int end(String text, int at) {
    if (text.charAt(at) == '\\') {
      return Math.min(at + 2, text.length());
    }
    if (text.charAt(at) != '[') {
      return at + 1;
    }
    int end = text.startsWith("^", at + 1) ? at + 2 : at + 1;
    // A bracket that closes nothing yet stands for itself.
    end = text.startsWith("]", end) ? end + 1 : end;
    while (end < text.length() && text.charAt(end) != ']') {
      end += text.charAt(end) == '\\' ? 2 : 1;
    }
    return Math.min(end + 1, text.length());
  }
}
