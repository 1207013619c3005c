package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubModelTest {
  @Test
  void aNameOfTwoPartsMayBeAModelOfTheHub() {
    assertEquals(
        "; if it is a model of the Hugging Face Hub, download it with: hf download Qwen/Qwen3-0.6B"
            + " --local-dir Qwen/Qwen3-0.6B",
        HubModel.advice(Path.of("Qwen/Qwen3-0.6B")));
  }

  /** The tests run beside src. */
  @ParameterizedTest
  @ValueSource(strings = {"src/bse", "src/main", "base", "/models/base", "a/b/c", "a/config.json"})
  void otherPathsAreNot(String path) {
    assertEquals("", HubModel.advice(Path.of(path)));
  }
}
