package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModulePatternTest {
  private static final String MODULE = "model.layers.0.self_attn.q_proj";

  private static boolean matches(String pattern) {
    return assertTimeoutPreemptively(
        Duration.ofSeconds(10), () -> new ModulePattern(pattern).matches(MODULE));
  }

  @Test
  void wholeNamesMatch() {
    assertTrue(matches("^model\\.layers\\.[0-9]{1,2}\\..*\\b(q|v)_proj$"));
    assertFalse(matches("q_proj"));
  }

  @Test
  void whatPythonWritesOtherwiseMeansTheSame() {
    assertTrue(matches("model\\.layers\\.\\d{,2}\\..*_proj"));
    assertFalse(matches("model\\.layers\\.\\d{0,2}_proj"));
    assertTrue(matches("(?a)(\\w|\\.){,}\\Z"));
    assertFalse(matches(".{,9}"));
    assertTrue(new ModulePattern("[{,2}]\\{,2}[]{,3}[]").matches("{{,2}["));
    assertTrue(new ModulePattern("[[:alpha:]]").matches("[]"));
    assertFalse(new ModulePattern("[[:alpha:]]").matches("q"));
  }

  @Test
  void countsSideBySideAreNotMultiplied() {
    String layers = "model\\.layers\\.[0-9]{1,2}\\.(x|self_attn)\\.(x|q_proj)";
    assertTrue(matches("x|" + (layers + "|").repeat(100) + "y"));
  }

  /** Java's matcher takes days over most of them. */
  @ParameterizedTest
  @ValueSource(strings = {"(([a-z]|[\\w.])+)+!", "(.*.*)*(.*.*)*!", "(a?){30}!", "((a*)*)*!"})
  void patternsOfExponentialTimeElsewhereAreMatched(String pattern) {
    assertFalse(matches(pattern));
    assertTrue(matches(pattern + "|" + "(|)".repeat(60) + ".*"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(|){1000000000}",
        "^{2147483647}x",
        "((a{99}){99}){99}",
        "(a{,999}){,999}",
        "([(]a{99}[)]{9}){199}",
        "(\\\\(x{200}){200}"
      })
  void countsOutOfAllProportionAreRefused(String pattern) {
    var e = assertThrows(IllegalArgumentException.class, () -> matches(pattern));
    assertTrue(e.getMessage().endsWith("written out, is too long: " + pattern), e::getMessage);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "^(?!lm_head).*",
        "(a)\\1",
        "(",
        "a**",
        "a{,2}{,2}",
        "{,2}",
        "(a{99})(?i){999}",
        "(a{99}\\Q)(\\E){999}"
      })
  void whatRe2DoesNotKnowIsRefused(String pattern) {
    var e = assertThrows(IllegalArgumentException.class, () -> matches(pattern));
    assertTrue(e.getMessage().startsWith("target_modules is no regular expression of RE2"));
    assertTrue(
        e.getMessage().endsWith("); list the names of modules instead: " + pattern), e::getMessage);
  }

  @Test
  void theRefusalGivesTheReasonOfRe2() {
    var e = assertThrows(IllegalArgumentException.class, () -> matches("(q|v"));
    assertEquals(
        "target_modules is no regular expression of RE2 (missing closing )); list the names of"
            + " modules instead: (q|v",
        e.getMessage());
  }

  @Test
  void anyPatternMatchesOrIsRefused() {
    String[] pieces = {
      "(",
      ")",
      "|",
      "*",
      "+",
      "?",
      "{1000}",
      "{0,99}",
      "{7}",
      "{,9}",
      "\\Z",
      "\\Q",
      "(?a)",
      "[[:alpha:]]",
      "{",
      "^",
      "$",
      "(?=",
      "(?i)",
      "\\b",
      "\\pL",
      ".",
      "[a-z_]",
      "[^",
      "]",
      "q_proj",
      "(|)",
      "(?:.*)",
      "(.*|.+)*"
    };
    var random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 5_000; i++) {
      var pattern = new StringBuilder();
      for (int n = random.nextInt(12); n >= 0; n--) {
        pattern.append(pieces[random.nextInt(pieces.length)]);
      }
      try {
        matches(pattern.toString());
      } catch (IllegalArgumentException e) {
        assertEquals(1, e.getMessage().lines().count());
        assertTrue(e.getMessage().startsWith("target_modules"), e::getMessage);
        refused++;
      }
    }
    assertTrue(refused > 500 && refused < 4_500, "refused " + refused);
  }
}
