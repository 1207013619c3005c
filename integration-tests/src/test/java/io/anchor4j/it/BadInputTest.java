package io.anchor4j.it;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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

  /** None of them is loaded to tell. */
  @Test
  void weightsThatAreNotThoseOfTheConfiguration() throws IOException {
    configure("vocab_size", 101);
    configure("num_hidden_layers", 3);
    configure("attention_bias", true);
    String line =
        model
            + ": the weights are not those of config.json: missing:"
            + " model.layers.{0..2}.self_attn.q_proj.bias,"
            + " model.layers.{0..2}.self_attn.k_proj.bias,"
            + " model.layers.{0..2}.self_attn.v_proj.bias,"
            + " model.layers.{0..2}.self_attn.o_proj.bias, model.layers.2.input_layernorm.weight,"
            + " model.layers.2.self_attn.q_proj.weight, model.layers.2.self_attn.k_proj.weight,"
            + " model.layers.2.self_attn.v_proj.weight, model.layers.2.self_attn.o_proj.weight,"
            + " model.layers.2.post_attention_layernorm.weight,"
            + " model.layers.2.mlp.gate_proj.weight, model.layers.2.mlp.up_proj.weight,"
            + " model.layers.2.mlp.down_proj.weight; of another shape: lm_head.weight [97, 36]"
            + " instead of [101, 36], model.embed_tokens.weight [97, 36] instead of [101, 36]";
    assertRefused(line, "inspect", model);
    assertRefused(line, score());
  }

  @Test
  void aTypeOfWeightsThatIsNotRead() throws IOException {
    Path file = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String header = new String(bytes, StandardCharsets.ISO_8859_1);
    String tensor = "\"model.norm.weight\":{\"dtype\":\"F32\",\"shape\":[36]";
    int at = header.indexOf(tensor);
    byte[] other = tensor.replace("F32", "I32").getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(other, 0, bytes, at, other.length);
    Files.write(file, bytes);
    assertRefused(
        model
            + ": the weights are not those of config.json: of a type that is not supported (F32,"
            + " F16, BF16 and F64 are): model.norm.weight I32",
        "inspect",
        model);
  }

  @Test
  void shardsThatAreMissing() throws IOException {
    Path sharded = Fixture.named("llama3-tied-sharded").directory();
    for (String name : new String[] {"config.json", "model.safetensors.index.json"}) {
      Files.copy(sharded.resolve(name), model.resolve(name), REPLACE_EXISTING);
    }
    Files.delete(model.resolve("model.safetensors"));
    String line =
        model.resolve("model.safetensors.index.json")
            + ": 2 of the 2 files it names are missing: model-00001-of-00002.safetensors,"
            + " model-00002-of-00002.safetensors";
    assertRefused(line, "inspect", model);
    assertRefused(line, score());
  }

  @Test
  void aModelOfTheHub() {
    assertRefused(
        "Qwen/Qwen3-0.6B: there is no such directory; if it is a model of the Hugging Face Hub,"
            + " download it with: hf download Qwen/Qwen3-0.6B --local-dir Qwen/Qwen3-0.6B",
        "inspect",
        "Qwen/Qwen3-0.6B");
  }

  @Test
  void anAdapterOfTheHub() {
    assertRefused(
        "someone/their-lora: there is no such directory; if it is a model of the Hugging Face Hub,"
            + " download it with: hf download someone/their-lora --local-dir someone/their-lora",
        "score",
        "--model",
        MODEL,
        "--adapter",
        "someone/their-lora",
        "--data",
        data);
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

  /** Not config.json or adapter_config.json, which are right. */
  @Test
  void settingsThatDoNotFitTheModel() throws IOException {
    Path runFile = runFile("");
    assertRefused(
        runFile + ": rope.scaling: factor must be a number, got \"four\"",
        "train",
        runFile,
        "rope.scaling={type: yarn, factor: four}");
    assertRefused(
        runFile
            + ": rope.scaling: rope_type must be one of default, linear, dynamic, yarn, llama3,"
            + " longrope, got \"yarrn\"",
        "train",
        runFile,
        "rope.scaling={type: yarrn, factor: 4}");
    assertRefused(
        runFile + ": rope.scaling: type is missing, such as yarn",
        "train",
        runFile,
        "rope.scaling={factor: 4}");
    assertRefused(
        runFile + ": rope.scaling: linear has no beta_fast; it has [factor]",
        "train",
        runFile,
        "rope.scaling={type: linear, factor: 4, beta_fast: 32}");
    assertRefused(
        runFile + ": unknown key rope.scaling.betafast; did you mean rope.scaling.beta_fast?",
        "train",
        runFile,
        "rope.scaling={type: yarn, factor: 4, betafast: 32}");
    assertRefused(
        runFile
            + ": model.lora.targets: \"qproj\" is no linear map that can have an adapter; there are"
            + " [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj] in each layer."
            + " Adapters on the output and the embedding are not supported.",
        "train",
        runFile,
        "model.lora.targets=[v_proj, qproj]");
    assertRefused(
        runFile
            + ": model.path: there is no directory Qwen/Qwen3-0.6B; if it is a model of the Hugging"
            + " Face Hub, download it with: hf download Qwen/Qwen3-0.6B --local-dir Qwen/Qwen3-0.6B",
        "train",
        runFile,
        "model.path=Qwen/Qwen3-0.6B");
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
