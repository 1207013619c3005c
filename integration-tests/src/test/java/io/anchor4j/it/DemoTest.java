package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.base.Splitter;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's first command, in a minute. */
class DemoTest {
  @TempDir Path directory;

  @Test
  void aMinuteIsEnoughForTheWholePath() throws Exception {
    var result = new Launcher(directory).run("demo", "--minutes", "1");
    assertEquals(0, result.code(), result.err());
    for (String row : List.of("before extension", "full", "intra-document", "anchor")) {
      // Four buckets of places and all of them: five perplexities, each below the vocabulary.
      var numbers = Pattern.compile("(?m)^" + row + "((?: +[\\d,.]+){5})").matcher(result.out());
      assertTrue(numbers.find(), result.out());
      for (String number : Splitter.on(' ').omitEmptyStrings().split(numbers.group(1))) {
        double perplexity = Double.parseDouble(number.replace(",", ""));
        assertTrue(perplexity > 1 && perplexity < 2500, row + ": " + number);
      }
    }
    assertTrue(result.out().contains("report:  runs/demo/report.md"), result.out());
    Path demo = directory.resolve("runs/demo");
    String report = Files.readString(demo.resolve("report.md"));
    assertTrue(report.contains("- command: `anchor4j demo --minutes 1`"), report);
    var pictures = Pattern.compile("!\\[[^]]*\\]\\(([^)]+)\\)").matcher(report);
    for (int i = 0; i < 2; i++) {
      assertTrue(pictures.find());
      assertTrue(Files.size(demo.resolve(pictures.group(1))) > 5000, pictures.group(1));
    }
    for (String arm : List.of("short", "full", "intra-document", "anchor")) {
      Path model = demo.resolve(arm).resolve("model");
      assertEquals(2048, HuggingFaceModel.load(model).getLayer("embedding").getParam("W").size(0));
      try (Tokenizer tokenizer = Tokenizer.load(model)) {
        String text = "public final class Été { int[] a = {1, 2}; }\n\t// \"ok\"";
        assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
      }
    }
  }
}
