package io.anchor4j.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import java.io.File;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Every op in one graph: gradients against finite differences, training, saving and loading. */
class SameDiffGraphTest {
  private static final int TOKENS = 7;
  private static final int CHANNELS = 8;
  private static final int HEADS = 2;
  private static final int VOCABULARY = 5;

  private static final AttentionConfig CONFIG =
      AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR).withRotary(RotaryConfig.of(10_000));

  /** A block of a language model: rms norm, attention, gated feed-forward, cross-entropy. */
  static SameDiff graph(DataType type) {
    Nd4j.getRandom().setSeed(12);
    var sd = SameDiff.create();
    SDVariable tokens = sd.placeHolder("tokens", type, TOKENS, CHANNELS);
    SDVariable documents =
        sd.constant("documents", Nd4j.createFromArray(new int[][] {{0, 1, 1, 1, 2, 2, -1}}));
    SDVariable positions =
        sd.constant("positions", Nd4j.createFromArray(new int[][] {{0, 1, 2, 3, 4, 5, 6}}));
    SDVariable gain = sd.var("gain", Nd4j.rand(type, CHANNELS).addi(0.5));
    SDVariable normed = AnchorOps.rmsNorm(1e-5, tokens, gain);
    SDVariable query = heads(sd, normed, "query", HEADS);
    SDVariable key = heads(sd, normed, "key", 1);
    SDVariable value = heads(sd, normed, "value", 1);
    SDVariable turned =
        AnchorOps.rotaryEmbedding(RotaryConfig.of(100).withDimensions(2), query, positions);
    SDVariable mixed = AnchorOps.attention(CONFIG, turned, key, value, documents, positions);
    SDVariable joined = sd.permute(mixed, 0, 2, 1, 3).reshape(TOKENS, CHANNELS);
    SDVariable gate = linear(sd, joined, "gate", CHANNELS, true);
    SDVariable up = linear(sd, joined, "up", CHANNELS, false);
    SDVariable hidden = AnchorOps.gatedSilu(gate, up).rename("hidden");
    SDVariable output = sd.var("output", Nd4j.randn(type, CHANNELS, VOCABULARY));
    SDVariable targets =
        sd.constant("targets", Nd4j.createFromArray(new int[] {-100, 1, 4, 0, 2, -100, -100}));
    AnchorOps.linearCrossEntropy(Precision.FLOAT32, hidden, output, targets).sum("loss");
    sd.setLossVariables("loss");
    return sd;
  }

  private static SDVariable linear(
      SameDiff sd, SDVariable input, String name, int out, boolean biased) {
    DataType type = input.dataType();
    SDVariable weight = sd.var(name + "-weight", Nd4j.randn(type, CHANNELS, out).muli(0.5));
    SDVariable bias = biased ? sd.var(name + "-bias", Nd4j.randn(type, out)) : null;
    return AnchorOps.mixedLinear(Precision.FLOAT32, input, weight, bias);
  }

  private static SDVariable heads(SameDiff sd, SDVariable input, String name, int heads) {
    int headDim = CHANNELS / HEADS;
    SDVariable projected = linear(sd, input, name, heads * headDim, false);
    return sd.permute(projected.reshape(1, TOKENS, heads, headDim), 0, 2, 1, 3);
  }

  static INDArray tokens(DataType type) {
    Nd4j.getRandom().setSeed(13);
    return Nd4j.randn(type, TOKENS, CHANNELS);
  }

  static double loss(SameDiff sd, INDArray tokens) {
    return sd.outputSingle(Map.of("tokens", tokens), "loss").getDouble(0);
  }

  static TrainingConfig training() {
    return TrainingConfig.builder()
        .updater(new Adam(0.01))
        .dataSetFeatureMapping("tokens")
        .markLabelsUnused()
        .build();
  }

  @Test
  void gradientsOfEveryVariableAgreeWithFiniteDifferences() {
    SameDiff sd = graph(DataType.DOUBLE);
    INDArray tokens = tokens(DataType.DOUBLE);
    String[] names =
        sd.variables().stream()
            .filter(v -> v.getVariableType() == org.nd4j.autodiff.samediff.VariableType.VARIABLE)
            .map(SDVariable::name)
            .toArray(String[]::new);
    Map<String, INDArray> gradients = sd.calculateGradients(Map.of("tokens", tokens), names);
    assertTrue(names.length >= 8, "every weight takes part");
    double step = 1e-5;
    for (String name : names) {
      INDArray weight = sd.getVariable(name).getArr();
      for (int i = 0; i < weight.length(); i++) {
        double before = weight.getDouble(i);
        weight.putScalar(i, before + step);
        double above = loss(sd, tokens);
        weight.putScalar(i, before - step);
        double below = loss(sd, tokens);
        weight.putScalar(i, before);
        double expected = (above - below) / (2 * step);
        assertEquals(
            expected, gradients.get(name).getDouble(i), 1e-7 + 1e-6 * Math.abs(expected), name);
      }
    }
  }

  @Test
  void trainingLowersTheLossAndASavedGraphComputesTheSame(@TempDir Path folder) {
    SameDiff sd = graph(DataType.FLOAT);
    INDArray tokens = tokens(DataType.FLOAT);
    sd.setTrainingConfig(training());
    double before = loss(sd, tokens);
    for (int i = 0; i < 20; i++) {
      sd.fit(new DataSet(tokens, null));
    }
    double after = loss(sd, tokens);
    assertTrue(after < 0.8 * before, before + " -> " + after);

    File file = folder.resolve("graph.fb").toFile();
    sd.save(file, /* saveUpdaterState= */ true);
    SameDiff loaded = SameDiff.load(file, /* loadUpdaterState= */ true);
    assertEquals(after, loss(loaded, tokens), 0);
    loaded.fit(new DataSet(tokens, null));
    sd.fit(new DataSet(tokens, null));
    assertEquals(loss(sd, tokens), loss(loaded, tokens), 0);
  }
}
