package io.anchor4j.benchmarks.checkpoint;

import io.anchor4j.huggingface.DecoderTensors;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorSink;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A checkpoint in bfloat16 of random weights, in one file. */
final class RandomCheckpoint {
  static final String WEIGHTS = "model.safetensors";

  private static final int CHUNK = 1 << 16;

  private RandomCheckpoint() {}

  /** Returns the shape of TinyLlama, which has 22 layers and 1.1 billion weights. */
  static HuggingFaceConfig tinyLlama(int layers) {
    return HuggingFaceConfig.of(
        "config",
        Map.ofEntries(
            Map.entry("model_type", "llama"),
            Map.entry("vocab_size", 32_000),
            Map.entry("hidden_size", 2048),
            Map.entry("intermediate_size", 5632),
            Map.entry("num_hidden_layers", layers),
            Map.entry("num_attention_heads", 32),
            Map.entry("num_key_value_heads", 4),
            Map.entry("max_position_embeddings", 2048),
            Map.entry("rms_norm_eps", 1e-5),
            Map.entry("tie_word_embeddings", false)));
  }

  /** Returns the shape of GPT-2, the smallest one, as a Llama: 124 million weights. */
  static HuggingFaceConfig small() {
    return HuggingFaceConfig.of(
        "config",
        Map.ofEntries(
            Map.entry("model_type", "llama"),
            Map.entry("vocab_size", 50_304),
            Map.entry("hidden_size", 768),
            Map.entry("intermediate_size", 2048),
            Map.entry("num_hidden_layers", 12),
            Map.entry("num_attention_heads", 12),
            Map.entry("max_position_embeddings", 2048),
            Map.entry("rms_norm_eps", 1e-5),
            Map.entry("tie_word_embeddings", true)));
  }

  /** Writes config.json and the weights, the same for the same configuration. */
  static void write(Path directory, HuggingFaceConfig config) throws IOException {
    List<TensorSource> tensors =
        DecoderTensors.of(config.toDecoderConfig()).stream()
            .map(
                mapping ->
                    new TensorSource(
                        mapping.tensor(),
                        TensorType.BF16,
                        mapping.shape(),
                        sink -> fill(mapping, sink)))
            .toList();
    Files.createDirectories(directory);
    SafetensorsCheckpoint.write(directory, tensors, Long.MAX_VALUE);
    Files.writeString(
        directory.resolve(HuggingFaceConfig.FILE), config.toJson(TensorType.BF16).toString());
  }

  /** Gains are 1, weights uniform with a standard deviation of 0.02. */
  private static void fill(DecoderTensors.Mapping mapping, TensorSink sink) throws IOException {
    var random = new SplittableRandom(mapping.tensor().hashCode());
    long left = mapping.shape().stream().mapToLong(size -> size).reduce(1, (a, b) -> a * b);
    boolean gain = mapping.shape().size() == 1;
    var values = new float[CHUNK];
    for (; left > 0; left -= CHUNK) {
      int count = (int) Math.min(CHUNK, left);
      for (int i = 0; i < count; i++) {
        values[i] = gain ? 1 : (float) (0.0693 * (random.nextDouble() - 0.5));
      }
      sink.writeFloats(values, 0, count);
    }
  }
}
