package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.training.LearningRateSchedule;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.StepMetrics;
import io.anchor4j.training.Trainer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Ten AdamW updates against PyTorch and transformers, from the same weights on the same rows. */
class TransformersTrainingTest {
  /** Promised; seen is below 1e-5. transformers' own float32 is within 9e-6 of float64 here. */
  private static final double RELATIVE_ERROR = 1e-4;

  static Stream<Arguments> cases() {
    return Fixture.cases(
        Stream.of("llama-gqa", "llama3-tied-sharded", "qwen2-tied", "qwen3").map(Fixture::named));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void lossesAndGradientNormsAgree(Fixture fixture, String mask, String positions)
      throws IOException {
    int batch = fixture.description().at("/training/batchSize").asInt();
    check(fixture, mask, positions, batch, /* gradientAccumulation= */ 1);
  }

  /** The rows of a step differ in how many targets count: gradients must be weighted by that. */
  @ParameterizedTest
  @MethodSource("io.anchor4j.it.Fixture#full")
  void accumulatedStepsAgree(Fixture fixture) throws IOException {
    int batch = fixture.description().at("/training/batchSize").asInt();
    check(fixture, "anchor", "per-document", 1, batch);
  }

  private static void check(
      Fixture fixture, String mask, String positions, int batchSize, int gradientAccumulation)
      throws IOException {
    RunConfig.Training settings =
        settings(fixture.description().get("training"), batchSize, gradientAccumulation);
    DecoderConfig decoder = HuggingFaceConfig.read(fixture.directory()).toDecoderConfig();
    var graph =
        HuggingFaceModel.load(
            fixture.directory(),
            decoder.withAttention(decoder.attention().withMask(AttentionMask.parse(mask))));
    var trainer =
        new Trainer(
            graph,
            new PackedIterator.Builder(rows(fixture))
                .batchSize(batchSize)
                .positions(Positions.parse(positions))
                .endless()
                .build(),
            settings);
    String results = "training/" + mask + "/" + positions;
    float[] losses = fixture.floats(results + "/losses");
    float[] norms = fixture.floats(results + "/gradient_norms");
    for (int step = 0; step < settings.steps(); step++) {
      StepMetrics metrics = trainer.step();
      String where = "step " + metrics.step();
      assertEquals(losses[step], metrics.loss(), RELATIVE_ERROR * losses[step], where);
      assertEquals(norms[step], metrics.gradientNorm(), RELATIVE_ERROR * norms[step], where);
    }
  }

  static PackedDataset rows(Fixture fixture) {
    int[][] tokens = fixture.rows("training/input_ids");
    int[][] documents = fixture.rows("training/document_ids");
    List<PackedRow> rows = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      rows.add(new PackedRow(tokens[i], documents[i]));
    }
    return PackedDataset.of(rows);
  }

  static RunConfig.Training settings(JsonNode training, int batchSize, int gradientAccumulation) {
    return new RunConfig.Training(
        training.get("steps").asInt(),
        batchSize,
        gradientAccumulation,
        training.get("learningRate").asDouble(),
        new RunConfig.Schedule(
            LearningRateSchedule.Type.COSINE,
            training.at("/schedule/warmupSteps").asInt(),
            training.at("/schedule/finalRatio").asDouble()),
        new RunConfig.Adamw(
            training.at("/adamw/beta1").asDouble(),
            training.at("/adamw/beta2").asDouble(),
            training.at("/adamw/epsilon").asDouble(),
            training.at("/adamw/weightDecay").asDouble()),
        training.get("gradientClip").asDouble(),
        /* seed= */ 0,
        /* checkpointEvery= */ 500,
        /* keepCheckpoints= */ 2,
        /* gradientCheckpointing= */ false);
  }
}
