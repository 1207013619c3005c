package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.base.Splitter;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.factory.Nd4j;

/** What loading takes beyond the network, in a process of its own. */
class LoadMemoryTest {
  /** Of the network's own bytes; what was resident before the load comes on top. */
  private static final double MOST = 1.15;

  @TempDir Path directory;

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "reads peak memory from /proc")
  void loadingTakesLittleMoreThanTheNetwork() throws Exception {
    HuggingFaceConfig config =
        HuggingFaceConfig.of(
            "config",
            Map.of(
                "model_type", "llama",
                "vocab_size", 32_003,
                "hidden_size", 1024,
                "intermediate_size", 2816,
                "num_hidden_layers", 11,
                "num_attention_heads", 16,
                "num_key_value_heads", 8));
    writeOnes(config);

    Path output = directory.resolve("output");
    // A small heap: what is read cannot hide in it.
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-cp",
                System.getProperty("java.class.path"),
                LoadMemoryTest.class.getName(),
                directory.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertEquals(0, process.waitFor(), () -> read(output));
    String last = read(output).lines().reduce((first, second) -> second).orElseThrow();
    List<String> printed = Splitter.on(' ').splitToList(last);
    long network = 4 * Long.parseLong(printed.get(0));
    double ratio = 1024.0 * Long.parseLong(printed.get(1)) / network;
    assertTrue(network > 700_000_000, "a network of " + network + " bytes");
    System.out.println("peak memory of the load: " + ratio + " of the network");
    assertTrue(ratio >= 1 && ratio <= MOST, "peak memory is " + ratio + " of the network");
  }

  private void writeOnes(HuggingFaceConfig config) throws IOException {
    byte[] ones = new byte[1 << 20];
    for (int i = 0; i < ones.length; i += 2) {
      ones[i] = (byte) 0x80;
      ones[i + 1] = 0x3f;
    }
    List<TensorSource> tensors = new ArrayList<>();
    for (DecoderTensors.Mapping mapping : DecoderTensors.of(config.toDecoderConfig())) {
      long bytes = 2 * mapping.shape().stream().reduce(1L, (a, b) -> a * b);
      tensors.add(
          new TensorSource(
              mapping.tensor(),
              TensorType.BF16,
              mapping.shape(),
              sink -> {
                for (long left = bytes; left > 0; left -= ones.length) {
                  sink.writeBytes(ByteBuffer.wrap(ones, 0, (int) Math.min(left, ones.length)));
                }
              }));
    }
    SafetensorsCheckpoint.write(directory, tensors, 200_000_000);
    Files.writeString(
        directory.resolve(HuggingFaceConfig.FILE), config.toJson(TensorType.BF16).toString());
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Prints the number of parameters, and by how many KiB the load raised the peak. */
  public static void main(String[] arguments) throws IOException {
    Nd4j.create(1);
    long before = kibibytes("VmRSS:");
    ComputationGraph graph = HuggingFaceModel.load(Path.of(arguments[0]));
    long peak = kibibytes("VmHWM:") - before;
    if (graph.params().minNumber().floatValue() != 1
        || graph.params().maxNumber().floatValue() != 1) {
      throw new IllegalStateException("the file holds ones alone");
    }
    System.out.println(graph.numParams() + " " + peak);
  }

  private static long kibibytes(String key) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith(key))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
