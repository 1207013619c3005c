package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HuggingFaceModelTest {
  @TempDir Path directory;

  private static HuggingFaceConfig config(boolean tied, boolean biased) {
    return HuggingFaceConfig.of(
        "config",
        Map.ofEntries(
            Map.entry("model_type", "llama"),
            Map.entry("vocab_size", 11),
            Map.entry("hidden_size", 8),
            Map.entry("intermediate_size", 12),
            Map.entry("num_hidden_layers", 2),
            Map.entry("num_attention_heads", 4),
            Map.entry("num_key_value_heads", 2),
            Map.entry("head_dim", 6),
            Map.entry("tie_word_embeddings", tied),
            Map.entry("attention_bias", biased),
            Map.entry("mlp_bias", biased),
            Map.entry("eos_token_id", 2)));
  }

  private static ComputationGraph graph(HuggingFaceConfig config) {
    ComputationGraph graph = Decoder.create(config.toDecoderConfig(), 17);
    // Biases and gains too: a fresh one is 0 or 1 everywhere, whatever its place.
    for (int i = 0; i < graph.params().length(); i++) {
      graph.params().putScalar(i, i * 1e-3);
    }
    return graph;
  }

  @ParameterizedTest(name = "tied {0}, biased {1}, shards of {2} bytes")
  @CsvSource({"false, false, 1000000", "true, true, 500", "false, true, 1", "true, false, 2000"})
  void saveAndLoadGiveTheSameParameters(boolean tied, boolean biased, long shardBytes)
      throws IOException {
    HuggingFaceConfig config = config(tied, biased);
    ComputationGraph graph = graph(config);
    HuggingFaceModel.save(graph, config, directory, TensorType.F32, shardBytes);
    assertEquals(graph.params(), HuggingFaceModel.load(directory).params());
    assertEquals(config.toDecoderConfig(), HuggingFaceConfig.read(directory).toDecoderConfig());
    try (var checkpoint = SafetensorsCheckpoint.open(directory)) {
      assertEquals(!tied, checkpoint.tensors().containsKey("lm_head.weight"));
      assertEquals(shardBytes < 1000000, checkpoint.files().size() > 1);
    }
    ObjectNode generation = JsonFields.read(directory.resolve("generation_config.json")).json();
    assertEquals(2, generation.get("eos_token_id").asInt());
  }

  /** The map's place for every tensor, spelled out once with numbers that name their place. */
  @Test
  void aLinearWeightIsTransposedAndANormIsNot() throws IOException {
    HuggingFaceConfig config = config(/* tied= */ false, /* biased= */ true);
    ComputationGraph graph = graph(config);
    HuggingFaceModel.save(graph, config, directory);
    try (var file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
      MappedTensor query = file.tensor("model.layers.1.self_attn.q_proj.weight");
      assertEquals(List.of(24L, 8L), query.info().shape());
      float[] row = new float[8];
      query.readFloats(3 * 8, row, 0, 8);
      assertArrayEquals(
          graph.getLayer("layer-1-query").getParam("W").getColumn(3).toFloatVector(), row);
      MappedTensor norm = file.tensor("model.norm.weight");
      assertEquals(List.of(8L), norm.info().shape());
      norm.readFloats(0, row, 0, 8);
      assertArrayEquals(graph.getLayer("norm").getParam("gain").toFloatVector(), row);
      assertEquals(Map.of("format", "pt"), file.metadata());
    }
  }

  /** Saves a model whose tensors have gone through {@code change}, and config.json likewise. */
  private void saveChanged(
      boolean tied, UnaryOperator<List<TensorSource>> change, Consumer<ObjectNode> configChange)
      throws IOException {
    HuggingFaceConfig config = config(tied, /* biased= */ false);
    HuggingFaceModel.save(graph(config), config, directory);
    List<TensorSource> tensors = new ArrayList<>();
    try (var file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
      for (TensorInfo info : file.tensors()) {
        float[] values = new float[(int) info.elements()];
        file.tensor(info.name()).readFloats(0, values, 0, values.length);
        tensors.add(TensorSource.ofFloats(info.name(), info.type(), info.shape(), values));
      }
    }
    SafetensorsCheckpoint.write(directory, change.apply(tensors), 1 << 20);
    ObjectNode json = JsonFields.read(directory.resolve("config.json")).json();
    configChange.accept(json);
    Files.writeString(directory.resolve("config.json"), json.toString());
  }

  private static List<TensorSource> with(List<TensorSource> tensors, TensorSource more) {
    List<TensorSource> all = new ArrayList<>(tensors);
    all.removeIf(tensor -> tensor.name().equals(more.name()));
    all.add(more);
    return all;
  }

  private String refusal() {
    var e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceModel.load(directory));
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    return e.getMessage();
  }

  private static TensorSource zeros(String name, TensorType type, long... shape) {
    List<Long> sizes = Arrays.stream(shape).boxed().toList();
    int bytes = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact) * type.bits() / 8;
    return new TensorSource(name, type, sizes, sink -> sink.writeBytes(ByteBuffer.allocate(bytes)));
  }

  @Test
  void everyFaultOfTheWeightsIsNamedAtOnce() throws IOException {
    saveChanged(
        /* tied= */ false,
        tensors -> {
          List<TensorSource> changed = new ArrayList<>(tensors);
          changed.removeIf(t -> t.name().contains("mlp") || t.name().equals("lm_head.weight"));
          for (TensorSource more :
              List.of(
                  zeros("line\nbreak", TensorType.F32, 6),
                  zeros("model.norm.weight", TensorType.F32, 7),
                  zeros("model.embed_tokens.weight", TensorType.F8_E4M3, 11, 8),
                  zeros("model.layers.0.input_layernorm.weight", TensorType.I8, 1, 8))) {
            changed = with(changed, more);
          }
          return changed;
        },
        json -> {});
    String message = refusal();
    for (String part :
        List.of(
            directory + ": the weights are not those of config.json: missing: ",
            "missing: model.layers.{0..1}.mlp.gate_proj.weight,"
                + " model.layers.{0..1}.mlp.up_proj.weight,"
                + " model.layers.{0..1}.mlp.down_proj.weight, lm_head.weight; ",
            "not of this model: line\\u000abreak; ",
            "model.norm.weight [7] instead of [8]",
            "model.layers.0.input_layernorm.weight [1, 8] instead of [8]",
            "of a type that is not supported (F32, F16, BF16 and F64 are): ",
            "model.embed_tokens.weight F8_E4M3",
            "model.layers.0.input_layernorm.weight I8")) {
      assertTrue(message.contains(part), message + " lacks " + part);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TensorType.class,
      names = {"F32", "F16", "BF16", "F64"},
      mode = EnumSource.Mode.EXCLUDE)
  void everyOtherTypeIsNamedAsNotSupported(TensorType type) throws IOException {
    saveChanged(
        /* tied= */ false,
        tensors -> with(tensors, zeros("model.norm.weight", type, 8)),
        json -> {});
    assertEquals(
        directory
            + ": the weights are not those of config.json: of a type that is not supported (F32,"
            + " F16, BF16 and F64 are): model.norm.weight "
            + type,
        refusal());
  }

  /** The shapes are compared before a network of this size is made. */
  @Test
  void aConfigurationThatAsksForTooMuchIsRefusedByTheWeights() throws IOException {
    saveChanged(
        /* tied= */ false, tensors -> tensors, json -> json.put("vocab_size", 2_000_000_000));
    assertTrue(
        refusal().contains("model.embed_tokens.weight [11, 8] instead of [2000000000, 8]"),
        refusal());
  }

  @Test
  void aTiedModelMayStoreItsMatrixTwiceButNotTwoMatrices() throws IOException {
    UnaryOperator<List<TensorSource>> twice =
        tensors -> {
          TensorSource embedding =
              tensors.stream().filter(t -> t.name().contains("embed")).findFirst().orElseThrow();
          return with(
              tensors,
              new TensorSource(
                  "lm_head.weight", TensorType.F32, embedding.shape(), embedding.content()));
        };
    saveChanged(/* tied= */ true, twice, json -> {});
    HuggingFaceModel.load(directory);
    saveChanged(
        /* tied= */ true,
        tensors ->
            with(
                tensors,
                TensorSource.ofFloats(
                    "lm_head.weight", TensorType.F32, List.of(11L, 8L), new float[88])),
        json -> {});
    assertTrue(refusal().contains("which differs from model.embed_tokens.weight"), refusal());
  }

  @Test
  void storedRotaryFrequenciesAreIgnored() throws IOException {
    saveChanged(
        /* tied= */ false,
        tensors ->
            with(
                tensors,
                TensorSource.ofFloats(
                    "model.layers.0.self_attn.rotary_emb.inv_freq",
                    TensorType.F32,
                    List.of(3L),
                    new float[3])),
        json -> {});
    HuggingFaceModel.load(directory);
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    saveChanged(/* tied= */ false, tensors -> tensors, json -> {});
    Path file = directory.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
    assertThrows(SafetensorsException.class, () -> HuggingFaceModel.load(directory));
    assertTrue(refusal().contains("the file is truncated"), refusal());
  }

  @Test
  void aNetworkOfAnotherConfigurationIsNotSaved() {
    ComputationGraph graph = graph(config(/* tied= */ true, /* biased= */ false));
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> HuggingFaceModel.save(graph, config(false, false), directory.resolve("x")));
    assertEquals(
        "parameter W of layer output, for tensor lm_head.weight: the configuration calls for the"
            + " shape [8, 11], the network has none",
        e.getMessage());
    assertTrue(Files.notExists(directory.resolve("x")));
  }

  @Test
  void moreLayersThanTensorsAreRefusedBeforeMemoryIsAskedFor() throws IOException {
    saveChanged(false, tensors -> tensors, json -> json.put("num_hidden_layers", 9_999));
    assertTrue(refusal().contains("num_hidden_layers 9999, but the weights are only"));
  }

  /** Every bit pattern of the type, in tensors that are transposed and in one that is not. */
  @ParameterizedTest
  @EnumSource(
      value = TensorType.class,
      names = {"BF16", "F16"})
  void everyBitPatternComesBackAndTwoExportsAreEqual(TensorType type) throws IOException {
    HuggingFaceConfig config =
        HuggingFaceConfig.of(
            "config",
            Map.of(
                "model_type", "llama",
                "vocab_size", 8192,
                "hidden_size", 8,
                "intermediate_size", 8200,
                "num_hidden_layers", 1,
                "num_attention_heads", 2));
    Path original = Files.createDirectory(directory.resolve("original"));
    List<TensorSource> tensors = new ArrayList<>();
    for (DecoderTensors.Mapping mapping : DecoderTensors.of(config.toDecoderConfig())) {
      int elements = (int) (long) mapping.shape().stream().reduce(1L, (a, b) -> a * b);
      ByteBuffer bytes = ByteBuffer.allocate(2 * elements).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < elements; i++) {
        bytes.putShort(
            (short) i); // 65,536 elements or more hold NaNs, -0, subnormals: all there is
      }
      tensors.add(
          new TensorSource(
              mapping.tensor(), type, mapping.shape(), sink -> sink.writeBytes(bytes.flip())));
    }
    SafetensorsCheckpoint.write(original, tensors, 1 << 30);
    Files.writeString(original.resolve("config.json"), config.toJson(type).toString());

    ComputationGraph graph = HuggingFaceModel.load(original);
    Path copy = directory.resolve("copy");
    Path again = directory.resolve("again");
    HuggingFaceModel.save(graph, HuggingFaceConfig.read(original), copy, type, 300_000);
    HuggingFaceModel.save(graph, HuggingFaceConfig.read(original), again, type, 300_000);
    try (var files = Files.list(copy)) {
      List<Path> all = files.toList();
      assertTrue(all.size() > 4, all + " has shards");
      for (Path file : all) {
        assertEquals(-1, Files.mismatch(file, again.resolve(file.getFileName())), file.toString());
      }
    }
    HuggingFaceModel.save(graph, HuggingFaceConfig.read(original), copy, type, 1 << 30);
    assertEquals(
        -1,
        Files.mismatch(original.resolve("model.safetensors"), copy.resolve("model.safetensors")));
  }

  @ParameterizedTest
  @CsvSource({
    "pytorch_model-00001-of-00002.bin, M.from_pretrained('DIR').save_pretrained('converted')",
    "consolidated.00.pth, convert_llama_weights_to_hf.py",
    "model.q4.gguf, 'M.from_pretrained(''DIR'', gguf_file=''model.q4.gguf'')'",
    "tf_model.h5, transformers 4"
  })
  void weightsInOtherFormatsAreRefusedWithAdvice(String name, String advice) throws IOException {
    Path file = Files.createFile(directory.resolve(name));
    String expected = file + ": weights in this format are not read, only safetensors; ";
    String how = advice.replace("DIR", directory.toString());
    assertTrue(refusal().startsWith(expected) && refusal().contains(how), refusal());
    HuggingFaceConfig config = config(/* tied= */ true, /* biased= */ false);
    Files.writeString(directory.resolve("config.json"), config.toJson(TensorType.F32).toString());
    assertTrue(refusal().startsWith(expected) && refusal().contains(how), refusal());
    var e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceModel.load(file));
    assertTrue(e.getMessage().startsWith(expected) && e.getMessage().contains(how), e.getMessage());
  }

  @Test
  void whatATrainerLeavesBesideWeightsIsNotTakenForThem() throws IOException {
    for (String name :
        List.of(
            "aux.bin", "optimizer.pt", "rng_state_0.pth", "scheduler.pt", "training_args.bin")) {
      Files.createFile(directory.resolve(name));
    }
    Path weights = Files.createFile(directory.resolve("pytorch_model.bin"));
    assertTrue(refusal().startsWith(weights + ": weights in this format"), refusal());
    Files.delete(weights);
    Files.delete(directory.resolve("aux.bin"));
    assertEquals(directory.resolve("config.json") + ": there is no such file", refusal());
  }

  @Test
  void anAdapterIsNoModel() throws IOException {
    Files.createFile(directory.resolve("adapter_config.json"));
    String expected =
        directory + ": this is an adapter, not a model: --model BASE --adapter " + directory;
    assertEquals(expected, refusal());
    HuggingFaceConfig config = config(/* tied= */ true, /* biased= */ false);
    Files.writeString(directory.resolve("config.json"), config.toJson(TensorType.F32).toString());
    assertEquals(expected, refusal());
  }
}
