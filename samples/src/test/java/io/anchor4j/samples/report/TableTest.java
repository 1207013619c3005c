package io.anchor4j.samples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class TableTest {
  private final Table table =
      new Table(List.of("attention", "perplexity", "tokens/s"))
          .row(List.of("full", "8.25", "1,024"))
          .row(List.of("anchor", "10.5", "980"));

  @Test
  void columnsLineUpOnTheTerminal() {
    assertEquals(
        """
        attention  perplexity  tokens/s
        -------------------------------
        full             8.25     1,024
        anchor           10.5       980""",
        table.toText());
  }

  @Test
  void markdownAlignsNumbersToTheRight() {
    assertEquals(
        """
        | attention | perplexity | tokens/s |
        | --- | ---: | ---: |
        | full      |       8.25 |    1,024 |
        | anchor    |       10.5 |      980 |""",
        table.toMarkdown());
  }

  @Test
  void aRowOfAnotherWidthIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> table.row(List.of("full")));
  }

  @Test
  void countsSizesAndDurationsAreShort() {
    assertEquals("950", Counts.text(950));
    assertEquals("12.3 K", Counts.text(12_345));
    assertEquals("6.74 G", Counts.text(6_738_415_616L));
    assertEquals("512 B", Counts.bytes(512));
    assertEquals("25.1 GiB", Counts.bytes(26_953_662_464.0));
    assertEquals("42s", Durations.text(Duration.ofMillis(41_900)));
    assertEquals("3m 07s", Durations.text(Duration.ofSeconds(187)));
    assertEquals("2h 05m", Durations.text(Duration.ofMinutes(125)));
  }
}
