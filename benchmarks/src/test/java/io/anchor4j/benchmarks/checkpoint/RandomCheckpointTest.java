package io.anchor4j.benchmarks.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;

class RandomCheckpointTest {
  @Test
  void aCheckpointIsAModelThatLoadsAndIsTheSameEachTime(@TempDir Path directory)
      throws IOException {
    HuggingFaceConfig config =
        HuggingFaceConfig.of(
            "config",
            Map.of(
                "model_type", "llama",
                "vocab_size", 50,
                "hidden_size", 16,
                "intermediate_size", 24,
                "num_hidden_layers", 1,
                "num_attention_heads", 2,
                "tie_word_embeddings", false));
    RandomCheckpoint.write(directory.resolve("one"), config);
    RandomCheckpoint.write(directory.resolve("two"), config);
    assertArrayEquals(
        Files.readAllBytes(directory.resolve("one").resolve(RandomCheckpoint.WEIGHTS)),
        Files.readAllBytes(directory.resolve("two").resolve(RandomCheckpoint.WEIGHTS)));
    ComputationGraph graph = HuggingFaceModel.load(directory.resolve("one"));
    assertEquals(1.0, graph.getLayer("norm").getParam("gain").meanNumber().doubleValue());
    INDArray weight = graph.getLayer("layer-0-mlp").getParam("Wup");
    assertEquals(0.02, weight.stdNumber().doubleValue(), 0.003);
  }

  @Test
  void theShapesHaveTheWeightsThatTheyAreNamedFor() {
    assertEquals(
        1.1e9, (double) RandomCheckpoint.tinyLlama(22).toDecoderConfig().parameters(), 0.01e9);
    assertEquals(124e6, (double) RandomCheckpoint.small().toDecoderConfig().parameters(), 1e6);
  }
}
