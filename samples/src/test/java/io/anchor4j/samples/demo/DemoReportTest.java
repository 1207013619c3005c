package io.anchor4j.samples.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class DemoReportTest {
  private static ArmResult result(String name, double seconds, double farthest) {
    return new ArmResult(name, seconds, 2048 / 0.5, new double[] {10, 20, 30, farthest, 25});
  }

  private static List<ArmResult> results(double full, double anchor, double anchorSeconds) {
    return List.of(
        result("before extension", 0, 4000),
        result("full", 40, full),
        result("intra-document", 30, 50),
        result("anchor", anchorSeconds, anchor));
  }

  @Test
  void theTableComparesTimesWithFullAttention() {
    assertEquals(
        """
        attention         0-255  256-511  512-1023  1024-2047    all  tokens/s    time  time saved
        ------------------------------------------------------------------------------------------
        before extension  10.00    20.00     30.00      4,000  25.00                             \s
        full              10.00    20.00     30.00      45.00  25.00     4,096  40.0 s           \s
        intra-document    10.00    20.00     30.00      50.00  25.00     4,096  30.0 s        25 %
        anchor            10.00    20.00     30.00      40.00  25.00     4,096  50.0 s       -25 %""",
        DemoReport.table(results(45, 40, 50)).toText());
  }

  @Test
  void theVerdictNamesWhicheverArmWins() {
    assertEquals(
        "At places 1024-2047 the lowest perplexity is that of anchor: 40.00, against 4,000 before"
            + " extension. The fastest was intra-document: it took 25 % less time than full"
            + " attention.",
        DemoReport.verdict(results(45, 40, 50)));
    assertEquals(
        "At places 1024-2047 the lowest perplexity is that of full: 35.00, against 4,000 before"
            + " extension. The fastest was anchor: it took 50 % less time than full attention.",
        DemoReport.verdict(results(35, 40, 20)));
  }
}
