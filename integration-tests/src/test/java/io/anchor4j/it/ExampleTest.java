package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.samples.ImportExample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's import example, on a checkpoint that transformers made. */
class ExampleTest {
  @TempDir Path directory;

  @Test
  void theImportedModelIsTrainedAndWrittenBack() throws IOException {
    Path model = Fixture.named("llama-gqa").directory();
    ImportExample.main(new String[] {model.toString(), directory.toString()});
    assertTrue(Files.exists(directory.resolve("config.json")));
    assertNotEquals(
        HuggingFaceModel.load(model).params(), HuggingFaceModel.load(directory).params());
  }
}
