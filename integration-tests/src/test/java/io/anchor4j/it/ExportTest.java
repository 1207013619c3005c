package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.SafetensorsWriter;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Imported models exported again. check_export.py has transformers load what this leaves behind.
 */
class ExportTest {
  /** Small, so that most models are sharded. */
  private static final long SHARD_BYTES = 60_000;

  static Stream<Fixture> fixtures() {
    return Fixture.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void importExportImportIsBitEqual(Fixture fixture, @TempDir Path copy) throws IOException {
    HuggingFaceConfig config = HuggingFaceConfig.read(fixture.directory());
    ComputationGraph graph = HuggingFaceModel.load(fixture.directory());
    HuggingFaceModel.save(graph, config, copy, TensorType.F32, SHARD_BYTES);
    assertEquals(
        config.toDecoderConfig(), HuggingFaceConfig.read(copy).toDecoderConfig(), "config.json");
    assertEquals(graph.params(), HuggingFaceModel.load(copy).params());
    assertEquals(
        generation(fixture.directory()), generation(copy), "generation_config.json is kept");
  }

  private static JsonNode generation(Path directory) throws IOException {
    return new ObjectMapper().readTree(directory.resolve("generation_config.json").toFile());
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void exportInTheTypeItCameInHasTheSameTensors(Fixture fixture, @TempDir Path copy)
      throws IOException {
    try (var original = SafetensorsCheckpoint.open(fixture.directory())) {
      TensorType type = original.tensors().values().iterator().next().type();
      HuggingFaceModel.save(
          HuggingFaceModel.load(fixture.directory()),
          HuggingFaceConfig.read(fixture.directory()),
          copy,
          type,
          SHARD_BYTES);
      try (var exported = SafetensorsCheckpoint.open(copy)) {
        assertEquals(original.tensors().keySet(), exported.tensors().keySet());
        for (var tensor : original.tensors().values()) {
          var written = exported.tensors().get(tensor.name());
          assertEquals(tensor.type(), written.type());
          assertEquals(tensor.shape(), written.shape());
          float[] before = new float[(int) tensor.elements()];
          float[] after = new float[before.length];
          original.tensor(tensor.name()).readFloats(0, before, 0, before.length);
          exported.tensor(tensor.name()).readFloats(0, after, 0, after.length);
          assertArrayEquals(before, after, tensor.name());
        }
      }
    }
  }

  /** Leaves target/exports: every model in one of the types, a third of them with a new rotary. */
  @ParameterizedTest
  @EnumSource(
      value = TensorType.class,
      names = {"F32", "F16", "BF16"})
  void exportsAreLeftForTransformersToCheck(TensorType type) throws IOException {
    for (Fixture fixture : Fixture.all().toList()) {
      HuggingFaceConfig config = HuggingFaceConfig.read(fixture.directory());
      if (type == TensorType.F16) {
        Map<String, ?> yarn =
            Map.of("type", "yarn", "factor", 4.0, "original_max_position_embeddings", 64);
        config = config.withRope(OptionalDouble.of(5e5), yarn).withPositions(256);
      }
      Path directory = Path.of("target", "exports", fixture.name() + "-" + type);
      ComputationGraph graph = HuggingFaceModel.load(fixture.directory(), anchor(config));
      HuggingFaceModel.save(graph, config, directory, type, SHARD_BYTES);
      // Loaded again, for the rounding to the type.
      writeCheck(HuggingFaceModel.load(directory, anchor(config)), fixture, directory);
    }
  }

  private static DecoderConfig anchor(HuggingFaceConfig config) {
    DecoderConfig decoder = config.toDecoderConfig();
    return decoder.withAttention(decoder.attention().withMask(AttentionMask.ANCHOR));
  }

  static void writeCheck(ComputationGraph graph, Fixture fixture, Path directory)
      throws IOException {
    INDArray tokens = fixture.ints("input_ids");
    INDArray documents = fixture.ints("document_ids");
    INDArray logits =
        Decoder.logits(graph, tokens, documents, fixture.ints("per-document/position_ids"));
    List<Long> rows = List.of(tokens.size(0), tokens.size(1));
    SafetensorsWriter.write(
        directory.resolve("check.safetensors"),
        Map.of(),
        List.of(
            TensorSource.ofInts("input_ids", rows, tokens.data().asInt()),
            TensorSource.ofInts("document_ids", rows, documents.data().asInt()),
            TensorSource.ofFloats(
                "logits",
                TensorType.F32,
                List.of(rows.get(0), rows.get(1), logits.size(2)),
                logits.dup('c').data().asFloat())));
  }
}
