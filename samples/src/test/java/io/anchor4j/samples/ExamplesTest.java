package io.anchor4j.samples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.base.Splitter;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Runs the small programs whose lines the README shows. */
class ExamplesTest {
  private static String output(Runnable program) {
    PrintStream before = System.out;
    var bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      program.run();
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void theNetworkLearnsItsRow() {
    String output = output(() -> NetworkExample.main(new String[0]));
    List<Double> losses =
        Pattern.compile("loss ([\\d.]+)")
            .matcher(output)
            .results()
            .map(match -> Double.valueOf(match.group(1)))
            .toList();
    assertTrue(losses.size() == 5 && losses.get(4) < 0.1, output);
  }

  @Test
  void theGraphGivesAttentionAndItsGradient() {
    String output = output(() -> SameDiffExample.main(new String[0]));
    List<String> arrays = Splitter.on("[[[[").splitToList(output);
    assertTrue(arrays.size() == 3, output);
    // An anchor at the head of the row sees itself alone: no query can change that.
    String anchorGradient = arrays.get(2).substring(0, arrays.get(2).indexOf(']'));
    for (String number : Splitter.on(',').trimResults().split(anchorGradient)) {
      assertTrue(Math.abs(Double.parseDouble(number)) < 1e-6, output);
    }
  }
}
