package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.samples.DocumentsExample;
import io.anchor4j.samples.ImportExample;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Examples that users copy. */
class ExampleTest {
  @TempDir Path directory;

  @Test
  void bothKindsOfNetworkLearnOnDocuments() {
    var written = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(written, true, StandardCharsets.UTF_8));
    try {
      DocumentsExample.main(new String[0]);
    } finally {
      System.setOut(before);
    }
    double[] losses =
        written
            .toString(StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.contains(": loss "))
            .mapToDouble(line -> Double.parseDouble(line.replaceAll(".*loss ", "")))
            .toArray();
    assertEquals(2, losses.length);
    // A network that guesses loses ln 2 a token, 8 tokens a row.
    assertTrue(losses[0] < 3 && losses[1] < 3, () -> Arrays.toString(losses));
  }

  /** The README's import example, on a checkpoint that transformers made. */
  @Test
  void theImportedModelIsTrainedAndWrittenBack() throws IOException {
    Path model = Fixture.named("llama-gqa").directory();
    ImportExample.main(new String[] {model.toString(), directory.toString()});
    assertTrue(Files.exists(directory.resolve("config.json")));
    assertNotEquals(
        HuggingFaceModel.load(model).params(), HuggingFaceModel.load(directory).params());
  }
}
