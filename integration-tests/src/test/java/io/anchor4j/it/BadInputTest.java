package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bad input ends every verb with exit code 2, one line that says what and where, and no output. */
class BadInputTest {
  private static final Path MODEL = Fixture.named("llama-gqa").directory();

  @TempDir Path directory;
  private Path model;
  private Path data;
  private Path output;

  @BeforeEach
  void copyModel() throws IOException {
    model = Files.createDirectory(directory.resolve("model"));
    for (String name : new String[] {"config.json", "model.safetensors"}) {
      Files.copy(MODEL.resolve(name), model.resolve(name));
    }
    data = directory.resolve("rows.jsonl");
    output = directory.resolve("out");
    Files.writeString(data, "{\"input_ids\": [1, 2, 3], \"document_ids\": [0, 1, 1]}\n");
  }

  private void configure(String key, Object value) throws IOException {
    var json = new ObjectMapper();
    Path file = model.resolve("config.json");
    ObjectNode config = (ObjectNode) json.readTree(file.toFile());
    config.putPOJO(key, value);
    json.writeValue(file.toFile(), config);
  }

  private void assertRefused(String line, Object... command) {
    Cli run = Cli.run(command);
    assertEquals("anchor4j " + command[0] + ": " + line, run.err().strip());
    assertEquals(2, run.code());
    assertEquals("", run.out());
    assertFalse(Files.exists(output.resolve("model")) || Files.isRegularFile(output));
  }

  private Object[] score() {
    return new Object[] {"score", "--model", model, "--data", data, "--output", output};
  }

  private Path runFile(String more) throws IOException {
    return Files.writeString(
        directory.resolve("run.yaml"),
        """
        model: {path: %s}
        data: {train: [%s], format: packed, sequenceLength: 8}
        training: {steps: 3}
        output: %s
        %s"""
            .formatted(model, data, output, more));
  }

  @Test
  void aTruncatedSafetensorsFile() throws IOException {
    Path file = model.resolve("model.safetensors");
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - 100);
    }
    String line =
        file
            + ": tensor \"model.norm.weight\", byte 2026: data_offsets [122976, 123120] reach beyond"
            + " the file, which has 123020 bytes of data; the file is truncated";
    assertRefused(line, score());
    assertRefused(line, "inspect", model);
  }

  @Test
  void aHeaderLongerThanTheFile() throws IOException {
    Path file = model.resolve("model.safetensors");
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(10_000_000);
      channel.write(length.flip(), 0);
    }
    assertRefused(
        file
            + ", byte 0: the header's length is 10000000 bytes, but only 125224 follow; the file is"
            + " truncated",
        score());
  }

  @Test
  void anOddRotaryDimension() throws IOException {
    configure("head_dim", 15);
    assertRefused(
        model.resolve("config.json")
            + ": head_dim (hidden_size / num_attention_heads where it is missing) must be even and"
            + " at most 256 for a rotary embedding, got 15",
        score());
  }

  @Test
  void queryHeadsThatAreNoMultipleOfKeyHeads() throws IOException {
    configure("num_key_value_heads", 4);
    assertRefused(
        model.resolve("config.json")
            + ": num_attention_heads must be a multiple of num_key_value_heads, got 6 and 4",
        "train",
        runFile(""));
  }

  @Test
  void aModelOfAnotherFamily() throws IOException {
    configure("model_type", "gpt2");
    assertRefused(
        model.resolve("config.json")
            + ": model_type must be one of llama, mistral, qwen2, qwen3, smollm3, got \"gpt2\"",
        "inspect",
        model);
  }

  @Test
  void anUnknownKeyInTheRunFileOrAmongTheSettings() throws IOException {
    Path runFile = runFile("rope: {theeta: 1}\n");
    assertRefused(
        runFile + ": unknown key rope.theeta; did you mean rope.theta?", "train", runFile);
    runFile = runFile("");
    assertRefused(
        runFile + ": unknown key training.stepz; did you mean training.steps?",
        "train",
        runFile,
        "training.stepz=3");
  }

  @Test
  void aBadLine() throws IOException {
    Files.writeString(data, Files.readString(data) + "{\"input_ids\": [1, 2],\n");
    String line =
        data
            + ", line 2: not valid JSON: Unexpected end-of-input within/between Object entries"
            + " (column 22)";
    assertRefused(line, score());
    assertRefused(line, "train", runFile(""));
  }

  @Test
  void idsOutsideTheVocabulary() throws IOException {
    Files.writeString(data, "{\"input_ids\": [1, 200], \"document_ids\": [0, 1]}\n");
    String line =
        data + ", line 1: \"input_ids\"[1] is 200, outside the vocabulary of 97 tokens (0 to 96)";
    assertRefused(line, score());
    assertRefused(line, "train", runFile(""));
  }

  @Test
  void filesThatAreMissing() throws IOException {
    Files.delete(data);
    assertRefused(data + ": there is no such file", score());
    assertRefused(data + ": there is no such file", "train", runFile(""));
    Path nowhere = directory.resolve("nowhere");
    assertRefused(nowhere + ": there is no such file", "inspect", nowhere);
    assertRefused(nowhere + ": there is no such run file", "train", nowhere);
    assertRefused(
        nowhere + ": there is no such run directory", "export", "--run", nowhere, "--output", "x");
  }

  @Test
  void wordsThatAreNoChoice() {
    assertRefused(
        "Invalid value for option '--attention': attention must be one of full, intra-document,"
            + " anchor, got \"ankor\" (see 'anchor4j score --help')",
        "score",
        "--model",
        model,
        "--data",
        data,
        "--attention",
        "ankor");
  }

  @Test
  void aDirectoryThatIsNoEarlierDemo() {
    assertRefused(
        directory + ": holds files that are no earlier demo's; choose another --output",
        "demo",
        "--output",
        directory);
    assertRefused("--minutes must be above 0, got 0.0", "demo", "--minutes", "0");
  }
}
