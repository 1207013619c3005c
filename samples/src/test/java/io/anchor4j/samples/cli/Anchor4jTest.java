package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Anchor4jTest {
  @ParameterizedTest
  @ValueSource(strings = {"demo", "inspect", "prepare", "train", "score", "plot", "export"})
  void everyVerbExplainsItselfWithAnExample(String verb) {
    CommandLineRun run = CommandLineRun.of(verb, "--help");
    assertEquals(0, run.code());
    assertEquals("", run.err());
    assertTrue(run.out().contains("Usage: anchor4j " + verb), run.out());
    assertTrue(run.out().contains("Examples:"), run.out());
    assertTrue(CommandLineRun.of("--help").out().contains("  " + verb + " "), "listed by --help");
  }

  @Test
  void versionNamesTheProgramTheLibraryAndJava() {
    CommandLineRun run = CommandLineRun.of("--version");
    assertEquals(0, run.code());
    assertTrue(
        run.out().matches("anchor4j \\d+\\S* \\(Deeplearning4j 1\\.0\\.0-M2\\.1, Java .*\\)\\R"),
        run.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          ''              | anchor4j: a verb is missing (see 'anchor4j --help')
          plt runs        | anchor4j: unknown verb 'plt', did you mean 'plot'? (see 'anchor4j --help')
          plot --sise 3 x | anchor4j plot: unknown option '--sise' (see 'anchor4j plot --help')
          plot            | anchor4j plot: Missing required parameter: 'RUN' (see 'anchor4j plot --help')
          plot a b        | anchor4j plot: plot of several runs needs --output DIR
          plot nowhere    | anchor4j plot: nowhere: no such file or directory
          """)
  void badUsageIsOneLineAndExitCodeTwo(String args, String line) {
    CommandLineRun run =
        args.equals("''") ? CommandLineRun.of() : CommandLineRun.of(args.split(" "));
    assertEquals(line, run.err().strip());
    assertEquals(2, run.code());
    assertEquals("", run.out());
  }
}
