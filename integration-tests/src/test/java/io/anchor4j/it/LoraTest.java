package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.PeftAdapter;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.PeftTargets;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.StepMetrics;
import io.anchor4j.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Adapters that PEFT wrote, computed and trained (make_lora_fixtures.py). check_adapter.py has PEFT
 * load what this leaves behind.
 */
class LoraTest {
  /** Promised; seen are 5e-6. */
  private static final double ABSOLUTE_ERROR = 1e-4;

  private static final double RELATIVE_ERROR = 1e-4;

  /** Of logits up to 6.6, with every product's operands rounded; seen are 0.10. */
  private static final double BFLOAT16_ERROR = 0.2;

  static Stream<Fixture> fixtures() {
    return Stream.of("lora-list", "lora-all-linear", "lora-pattern").map(Fixture::named);
  }

  private static Path base(Fixture fixture) {
    return Fixture.named(fixture.description().get("base").asText()).directory();
  }

  private static DecoderConfig decoder(Fixture fixture) throws IOException {
    DecoderConfig decoder = HuggingFaceConfig.read(base(fixture)).toDecoderConfig();
    return decoder.withAttention(decoder.attention().withMask(AttentionMask.ANCHOR));
  }

  private static ComputationGraph load(Fixture fixture) throws IOException {
    return PeftAdapter.load(base(fixture), decoder(fixture), fixture.directory());
  }

  private static INDArray logits(ComputationGraph graph, Fixture fixture) {
    return Decoder.logits(
            graph,
            fixture.ints("input_ids"),
            fixture.ints("document_ids"),
            fixture.ints("per-document/position_ids"))
        .dup('c');
  }

  private static void assertLogits(Fixture fixture, ComputationGraph graph) {
    assertLogits(fixture, graph, ABSOLUTE_ERROR);
  }

  private static void assertLogits(Fixture fixture, ComputationGraph graph, double error) {
    INDArray logits = logits(graph, fixture);
    float[] actual = logits.dup('c').data().asFloat();
    float[] expected = fixture.floats("anchor/per-document/logits");
    assertEquals(expected.length, actual.length);
    int[] documents = fixture.ints("document_ids").data().asInt();
    int vocabulary = (int) logits.size(2);
    for (int i = 0; i < actual.length; i++) {
      if (documents[i / vocabulary] != PackedRow.PADDING) {
        assertEquals(expected[i], actual[i], error, "token " + i / vocabulary);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void logitsAgree(Fixture fixture) throws IOException {
    assertLogits(fixture, load(fixture));
  }

  /** The base of the second is held in bfloat16, the others' in float32. */
  @ParameterizedTest
  @MethodSource("fixtures")
  void logitsInBfloat16AreNearThoseOfFloat32(Fixture fixture) throws IOException {
    DecoderConfig decoder = decoder(fixture);
    var precise = decoder.attention().withPrecision(Precision.BFLOAT16);
    ComputationGraph graph =
        PeftAdapter.load(base(fixture), decoder.withAttention(precise), fixture.directory());
    assertEquals(
        fixture.name().equals("lora-all-linear") ? DataType.BFLOAT16 : DataType.FLOAT,
        graph.getLayer("layer-0-query").getParam("W").dataType());
    assertLogits(fixture, graph, BFLOAT16_ERROR);
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void lossesAndGradientNormsOfTenUpdatesAgree(Fixture fixture) throws IOException {
    int batch = fixture.description().at("/training/batchSize").asInt();
    RunConfig.Training settings =
        TransformersTrainingTest.settings(fixture.description().get("training"), batch, 1);
    var trainer =
        new Trainer(
            load(fixture),
            new PackedIterator.Builder(TransformersTrainingTest.rows(fixture))
                .batchSize(batch)
                .positions(Positions.PER_DOCUMENT)
                .endless()
                .build(),
            settings);
    float[] losses = fixture.floats("training/anchor/per-document/losses");
    float[] norms = fixture.floats("training/anchor/per-document/gradient_norms");
    for (int step = 0; step < settings.steps(); step++) {
      StepMetrics metrics = trainer.step();
      String where = "step " + metrics.step();
      assertEquals(losses[step], metrics.loss(), RELATIVE_ERROR * losses[step], where);
      assertEquals(norms[step], metrics.gradientNorm(), RELATIVE_ERROR * norms[step], where);
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void anAdapterIsWrittenAsItWasRead(Fixture fixture, @TempDir Path copy) throws IOException {
    PeftConfig config = PeftConfig.read(fixture.directory());
    PeftAdapter.save(load(fixture), decoder(fixture), config, copy);
    assertEquals(config, PeftConfig.read(copy));
    try (var expected = SafetensorsFile.open(fixture.directory().resolve(PeftAdapter.WEIGHTS));
        var found = SafetensorsFile.open(copy.resolve(PeftAdapter.WEIGHTS))) {
      assertEquals(
          expected.tensors().stream().map(TensorInfo::name).sorted().toList(),
          found.tensors().stream().map(TensorInfo::name).sorted().toList());
      for (TensorInfo info : expected.tensors()) {
        float[] before = new float[(int) info.elements()];
        float[] after = new float[before.length];
        expected.tensor(info.name()).readFloats(0, before, 0, before.length);
        found.tensor(info.name()).readFloats(0, after, 0, after.length);
        assertArrayEquals(before, after, info.name());
      }
    }
  }

  /** Leaves target/adapters, where the base's place is written for this machine. */
  @ParameterizedTest
  @MethodSource("fixtures")
  void theMergedModelComputesTheSame(Fixture fixture) throws IOException {
    Path directory = Path.of("target", "adapters", fixture.name());
    ComputationGraph graph = load(fixture);
    HuggingFaceModel.save(
        graph, HuggingFaceConfig.read(base(fixture)), directory.resolve("merged"));
    assertLogits(fixture, HuggingFaceModel.load(directory.resolve("merged"), decoder(fixture)));

    PeftConfig read = PeftConfig.read(fixture.directory());
    var here =
        new PeftConfig(
            read.rank(),
            read.alpha(),
            read.rankStabilized(),
            read.dropout(),
            read.targets(),
            base(fixture).toString());
    PeftAdapter.save(graph, decoder(fixture), here, directory.resolve("adapter"));
    ExportTest.writeCheck(graph, fixture, directory);
  }

  /**
   * Names of tensors, norms inside attention and layers that differ: none is in an adapter's way.
   */
  @ParameterizedTest
  @MethodSource("io.anchor4j.it.Fixture#full")
  void everyFamilyTakesAdaptersOnAllLinearMaps(Fixture fixture) throws IOException {
    Path base = fixture.directory();
    DecoderConfig decoder = HuggingFaceConfig.read(base).toDecoderConfig();
    var targets = PeftTargets.of(List.of(PeftTargets.ALL_LINEAR));
    var peft = new PeftConfig(2, 4, false, 0, targets, null);
    ComputationGraph graph = PeftAdapter.create(base, decoder, peft, 1);
    float[] before = logits(HuggingFaceModel.load(base, decoder), fixture).data().asFloat();
    assertArrayEquals(before, logits(graph, fixture).data().asFloat(), 1e-5f);
    RunConfig.Training settings =
        TransformersTrainingTest.settings(fixture.description().get("training"), 1, 1);
    var rows = new PackedIterator.Builder(TransformersTrainingTest.rows(fixture)).endless().build();
    var trainer = new Trainer(graph, rows, settings);
    // In the first the rate is 0: it warms up.
    trainer.step();
    trainer.step();
    assertFalse(Arrays.equals(before, logits(graph, fixture).data().asFloat()));
  }

  @Test
  void scoreTakesAnAdapter(@TempDir Path directory) throws IOException {
    Fixture fixture = Fixture.named("lora-list");
    Path merged = directory.resolve("merged");
    HuggingFaceModel.save(load(fixture), HuggingFaceConfig.read(base(fixture)), merged);
    Path data =
        Files.writeString(
            directory.resolve("rows.jsonl"),
            "{\"input_ids\": [1, 7, 9, 9, 30], \"document_ids\": [0, 1, 1, 2, 2]}\n");
    String[] scored = new String[2];
    List<List<Object>> models =
        List.of(
            List.of("--model", base(fixture), "--adapter", fixture.directory()),
            List.of("--model", merged));
    for (int i = 0; i < 2; i++) {
      List<Object> arguments = new ArrayList<>(List.of("score", "--data", data));
      arguments.addAll(models.get(i));
      Cli run = Cli.run(arguments.toArray());
      assertEquals(0, run.code(), run.err());
      scored[i] = run.out();
    }
    var mapper = new ObjectMapper();
    assertEquals(
        mapper.readTree(scored[1]).get("mean_nll").asDouble(),
        mapper.readTree(scored[0]).get("mean_nll").asDouble(),
        1e-5);
  }

  @Test
  void generateTakesAnAdapterAndTheConfigurationBesideIt(@TempDir Path directory)
      throws IOException {
    Fixture fixture = Fixture.named("lora-list");
    Path adapter = directory.resolve("adapter");
    HuggingFaceConfig other =
        HuggingFaceConfig.read(base(fixture)).withRope(OptionalDouble.of(3), Map.of());
    PeftConfig config = PeftConfig.read(fixture.directory());
    PeftAdapter.save(load(fixture), decoder(fixture), config, adapter);
    Files.writeString(
        adapter.resolve(HuggingFaceConfig.FILE), other.toJson(TensorType.F32).toString());
    Path merged = directory.resolve("merged");
    HuggingFaceModel.save(load(fixture), other, merged);

    String plain = generated("--model", base(fixture), "--adapter", fixture.directory());
    String adapted = generated("--model", base(fixture), "--adapter", adapter);
    assertEquals(generated("--model", merged), adapted);
    assertNotEquals(plain, adapted, "the other rope shows");
  }

  private static String generated(Object... model) {
    List<Object> arguments = new ArrayList<>(List.of("generate"));
    arguments.addAll(List.of(model));
    arguments.addAll(
        List.of("--prompt-ids", "1,7,9,9,30,4,8", "--max-new-tokens", 24, "--ignore-eos"));
    Cli run = Cli.run(arguments.toArray());
    assertEquals(0, run.code(), run.err());
    return run.out();
  }
}
