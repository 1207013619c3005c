package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.BadLines;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.PeftAdapter;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.PeftTargets;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Runs that train adapters on a frozen model. */
class LoraTrainingTest {
  private static final INDArray TOKENS = Nd4j.createFromArray(new int[][] {{1, 5, 3, 16, 2, 2}});

  @TempDir Path directory;

  private Path base;

  @BeforeEach
  void writeModelAndData() throws IOException {
    base = directory.resolve("base");
    HuggingFaceConfig config =
        HuggingFaceConfig.of(
            "config",
            Map.of(
                "model_type", "llama",
                "vocab_size", 17,
                "hidden_size", 8,
                "intermediate_size", 12,
                "num_hidden_layers", 2,
                "num_attention_heads", 2,
                "initializer_range", 0.4,
                "tie_word_embeddings", true));
    HuggingFaceModel.save(
        Decoder.create(config.toDecoderConfig(), 3), config, base, TensorType.BF16, 1 << 20);
    PackedDataset rows = TinyDecoder.rows(9, 3);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      lines.add(
          "{\"input_ids\": %s, \"document_ids\": %s}"
              .formatted(
                  Arrays.toString(rows.row(i).inputIds()),
                  Arrays.toString(rows.row(i).documentIds())));
    }
    Files.write(directory.resolve("train.jsonl"), lines);
  }

  private RunConfig config(String output, String... overrides) {
    List<String> all = new ArrayList<>(List.of("output=" + directory.resolve(output)));
    all.addAll(List.of(overrides));
    String text =
        """
        model: {path: DIR/base, lora: {rank: 3, alpha: 6, targets: all-linear, dropout: 0.3}}
        data: {train: [DIR/train.jsonl], format: packed, sequenceLength: 12}
        training: {steps: 6, batchSize: 2, gradientAccumulation: 2, learningRate: 2e-2, checkpointEvery: 2}
        """
            .replace("DIR", directory.toString());
    return RunFile.parse(text, "run.yaml", all);
  }

  private static boolean run(RunConfig config, boolean resume, TrainingProgress progress)
      throws IOException {
    return new TrainingRun(config, BadLines.refuse()).run(resume, progress);
  }

  private byte[] bytes(String file) throws IOException {
    return Files.readAllBytes(directory.resolve(file));
  }

  private DecoderConfig decoder() throws IOException {
    return HuggingFaceConfig.read(base).toDecoderConfig();
  }

  private static float[] logits(ComputationGraph graph) {
    return Decoder.logits(graph, TOKENS, null, null).dup('c').data().asFloat();
  }

  @Test
  void aResumedRunMakesTheSameDraws() throws IOException {
    assertTrue(run(config("whole"), false, TrainingProgress.NONE));
    assertFalse(
        run(
            config("stopped"),
            false,
            new TrainingProgress() {
              private long last;

              @Override
              public void step(StepMetrics metrics, long steps, double secondsLeft) {
                last = metrics.step();
              }

              @Override
              public boolean stopRequested() {
                return last == 3;
              }
            }));
    Nd4j.getRandom().setSeed(99);
    assertTrue(run(config("stopped"), true, TrainingProgress.NONE));
    for (String file :
        List.of("model/" + PeftAdapter.WEIGHTS, "checkpoints/step-6/optimizer.safetensors")) {
      assertArrayEquals(bytes("whole/" + file), bytes("stopped/" + file), file);
    }
    assertTrue(run(config("other", "training.seed=1"), false, TrainingProgress.NONE));
    assertFalse(
        Arrays.equals(
            bytes("whole/model/" + PeftAdapter.WEIGHTS),
            bytes("other/model/" + PeftAdapter.WEIGHTS)));
  }

  @Test
  void theRunLeavesAnAdapterAndExportsTheMergedModel() throws IOException {
    run(config("run"), false, TrainingProgress.NONE);
    Path run = directory.resolve("run");
    assertEquals(
        new PeftConfig(3, 6, false, 0.3, PeftTargets.of(List.of("all-linear")), base.toString()),
        PeftConfig.read(run.resolve("model")));
    ComputationGraph adapted = PeftAdapter.load(base, decoder(), run.resolve("model"));
    float[] expected = logits(adapted);
    assertNotEquals(logits(HuggingFaceModel.load(base))[0], expected[0], "training shows");

    Path merged = directory.resolve("merged");
    TrainingRun.export(run, merged, TensorType.F32, 1 << 20);
    assertArrayEquals(expected, logits(HuggingFaceModel.load(merged)), 1e-5f);
    TrainingRun.exportAdapter(run, directory.resolve("adapter"));
    for (String file : List.of(PeftAdapter.WEIGHTS, PeftConfig.FILE)) {
      assertArrayEquals(bytes("run/model/" + file), bytes("adapter/" + file), file);
    }
  }

  @Test
  void onlyDropoutSetsTheSeedOfNd4j() throws IOException {
    for (double dropout : new double[] {0, 0.3}) {
      var peft = new PeftConfig(2, 4, false, dropout, PeftTargets.of(List.of("q_proj")), null);
      ComputationGraph graph = PeftAdapter.create(base, decoder(), peft, 0);
      var data = TinyDecoder.batches(TinyDecoder.rows(9, 3), 2);
      var trainer = new Trainer(graph, data, TinyDecoder.settings(2));
      Nd4j.getRandom().setSeed(12345);
      trainer.step();
      assertEquals(dropout == 0, Nd4j.getRandom().getSeed() == 12345, "dropout " + dropout);
    }
  }

  @Test
  void anotherRopeStaysWithTheAdapter() throws IOException {
    run(config("run", "rope.theta=3"), false, TrainingProgress.NONE);
    Path adapter = directory.resolve("run/model");
    DecoderConfig trained = PeftAdapter.modelConfig(base, adapter).toDecoderConfig();
    float[] expected = logits(PeftAdapter.load(base, trained, adapter));
    Path merged = directory.resolve("merged");
    TrainingRun.export(directory.resolve("run"), merged, TensorType.F32, 1 << 20);
    assertArrayEquals(expected, logits(HuggingFaceModel.load(merged)), 1e-5f);
    float[] unlike = logits(PeftAdapter.load(base, decoder(), adapter));
    assertTrue(Math.abs(unlike[4 * 17] - expected[4 * 17]) > 1e-3, "the rope shows");

    run(config("plain", "training.steps=1"), false, TrainingProgress.NONE);
    Path plain = directory.resolve("plain/model");
    assertFalse(Files.exists(plain.resolve(HuggingFaceConfig.FILE)), "the base's is enough");
    assertEquals(decoder(), PeftAdapter.modelConfig(base, plain).toDecoderConfig());
  }

  @Test
  void aRunWithoutAdaptersHasNoneToExport() throws IOException {
    run(config("plain", "model.lora=null", "training.steps=1"), false, TrainingProgress.NONE);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> TrainingRun.exportAdapter(directory.resolve("plain"), directory.resolve("none")));
    assertTrue(e.getMessage().contains("has no adapter to export"), e.getMessage());
  }

  @Test
  void aFrozenBaseTakesTwoBytesAWeightAndNoGradientOrMoment() throws IOException {
    ComputationGraph graph =
        PeftAdapter.create(base, decoder(), config("x").model().lora().toPeftConfig(null), 0);
    long attention = 4L * 3 * (8 + 8);
    long feedForward = 3L * 3 * (8 + 12);
    long adapters = 2 * (attention + feedForward);
    assertEquals(adapters, graph.numParams());
    var trainer =
        new Trainer(graph, TinyDecoder.batches(TinyDecoder.rows(9, 3), 2), TinyDecoder.settings(2));
    INDArray up = graph.getLayer("layer-1-mlp").getParam("Wup");
    assertEquals(DataType.BFLOAT16, up.dataType());
    assertEquals(8 * 12 * 2, up.length() * up.data().getElementSize());
    INDArray before = up.dup();
    trainer.step();
    assertEquals(adapters, graph.getGradientsViewArray().length());
    assertEquals(adapters, trainer.optimizer().firstMoment().length());
    assertEquals(adapters, trainer.optimizer().secondMoment().length());
    assertEquals(before, up);
  }

  @Test
  void aLayerIsHeldInBfloat16WhereItsMatricesAre() throws IOException {
    Path mixed = directory.resolve("mixed");
    HuggingFaceConfig config = HuggingFaceConfig.read(base);
    HuggingFaceModel.save(HuggingFaceModel.load(base), config, mixed);
    String wide = "model.layers.0.mlp.up_proj.weight";
    try (var narrow = SafetensorsCheckpoint.open(base);
        var full = SafetensorsCheckpoint.open(mixed)) {
      List<TensorSource> tensors = new ArrayList<>();
      for (TensorInfo info : narrow.tensors().values()) {
        MappedTensor tensor = (info.name().equals(wide) ? full : narrow).tensor(info.name());
        float[] values = new float[(int) info.elements()];
        tensor.readFloats(0, values, 0, values.length);
        tensors.add(TensorSource.ofFloats(info.name(), tensor.info().type(), info.shape(), values));
      }
      SafetensorsCheckpoint.write(mixed, tensors, 1 << 20);
    }
    PeftConfig peft = config("x").model().lora().toPeftConfig(null);
    ComputationGraph graph = PeftAdapter.create(mixed, decoder(), peft, 0);
    for (String layer : List.of("layer-0-mlp", "layer-1-mlp", "layer-0-query")) {
      DataType expected = layer.equals("layer-0-mlp") ? DataType.FLOAT : DataType.BFLOAT16;
      String key = layer.endsWith("mlp") ? "Wdown" : "W";
      assertEquals(expected, graph.getLayer(layer).getParam(key).dataType(), layer);
    }
    float[] same = logits(PeftAdapter.create(base, decoder(), peft, 0));
    assertArrayEquals(same, logits(graph), 1e-5f);
  }

  @Test
  void allThatIsWrongWithAnAdapterIsNamed() throws IOException {
    PeftConfig wide = new PeftConfig(4, 6, false, 0, PeftTargets.of(List.of("q_proj")), null);
    Path adapter = directory.resolve("adapter");
    PeftAdapter.save(PeftAdapter.create(base, decoder(), wide, 0), decoder(), wide, adapter);
    var other =
        new PeftConfig(
            3, 6, false, 0, PeftTargets.of(List.of("0.self_attn.q_proj", "o_proj")), null);
    Path scratch = directory.resolve("other");
    PeftAdapter.save(PeftAdapter.create(base, decoder(), other, 0), decoder(), other, scratch);
    Files.copy(
        scratch.resolve(PeftConfig.FILE),
        adapter.resolve(PeftConfig.FILE),
        StandardCopyOption.REPLACE_EXISTING);
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> PeftAdapter.load(base, decoder(), adapter));
    for (String part :
        List.of(
            "layers.0.self_attn.q_proj.lora_A.weight [4, 8] instead of [3, 8]",
            "missing: base_model.model.model.layers.{0..1}.self_attn.o_proj.lora_A.weight, ",
            "; not called for by adapter_config.json: base_model.model.model"
                + ".layers.1.self_attn.q_proj.lora_A.weight")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }
}
