package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.samediff.AttentionGraphs.Parts;
import io.anchor4j.testing.FreshJvm;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** Each variant before and after the swap: values, gradients, training, saving. */
class SameDiffRetrofitTest {
  private static final double ALLOWED = 1e-5;

  static List<String> trained(SameDiff graph) {
    return graph.variables().stream()
        .filter(variable -> variable.getVariableType() == VariableType.VARIABLE)
        .map(SDVariable::name)
        .toList();
  }

  static long anchors(SameDiff graph) {
    return graph.getOps().values().stream()
        .filter(op -> op.getOp() instanceof AnchorAttention)
        .count();
  }

  private static void assertClose(
      String what, Map<String, INDArray> before, Map<String, INDArray> after) {
    assertEquals(before.keySet(), after.keySet());
    before.forEach(
        (name, array) -> {
          double difference = Differences.ofValues(array, after.get(name));
          assertTrue(difference <= ALLOWED, () -> what + " " + name + " differs by " + difference);
        });
  }

  private static void assertGradients(Map<String, INDArray> before, Map<String, INDArray> after) {
    assertEquals(before.keySet(), after.keySet());
    double difference = Differences.ofGradients(before, after);
    assertTrue(difference <= ALLOWED, () -> "gradients differ by " + difference);
  }

  private static Set<String> given(SameDiff graph) {
    var names = new TreeSet<String>();
    for (SDVariable variable : graph.variables()) {
      if (variable.getVariableType() != VariableType.ARRAY) {
        names.add(variable.name());
      }
    }
    return names;
  }

  @ParameterizedTest
  @EnumSource
  void outputsAndGradientsAreThoseOfBefore(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    SDVariable mixed = graph.getVariable("mixed");
    Set<String> given = given(graph);
    SameDiffRetrofitReport report = new SameDiffRetrofit.Builder().build().apply(graph);
    assertEquals(1, report.replaced().size(), report::toString);
    assertEquals(List.of(), report.left());
    assertEquals(1, anchors(graph), report::toString);
    assertSame(mixed, graph.getVariable("mixed"));
    assertTrue(given(graph).containsAll(given), "what was given stays");
    assertTrue(report.proof().gradients() <= ALLOWED, report::toString);

    SameDiff old = variant.graph(DataType.FLOAT);
    Map<String, INDArray> inputs = AttentionGraphs.inputs(old, DataType.FLOAT, 1, false);
    assertClose(
        "output",
        old.output(inputs, "mixed", "output", "loss"),
        graph.output(inputs, "mixed", "output", "loss"));
    List<String> trained = trained(old);
    assertGradients(
        old.calculateGradients(inputs, trained), graph.calculateGradients(inputs, trained));
  }

  /** What is shown of gradients does not shrink with the loss: 2^-20 scales them exactly. */
  @Test
  void gradientsAreComparedOverTheirOwnSize() {
    double[] shown = new double[2];
    for (int i = 0; i < 2; i++) {
      SameDiff graph = AttentionGraphs.SCALED_BEFORE.graph(DataType.FLOAT);
      graph.getVariable("loss").mul("scaled", i == 0 ? 1 : 0x1p-20);
      graph.setLossVariables("scaled");
      shown[i] = new SameDiffRetrofit.Builder().build().apply(graph).proof().gradients();
    }
    assertTrue(shown[0] > 0, "rounding differs");
    assertEquals(shown[0], shown[1]);
  }

  @Test
  void gradientsOfZeroShowNothing() {
    SameDiff graph = AttentionGraphs.SCALED_BEFORE.graph(DataType.FLOAT);
    graph.getVariable("loss").mul("none", 0);
    graph.setLossVariables("none");
    var retrofit = new SameDiffRetrofit.Builder().build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertEquals(
        "SameDiffRetrofit: on the probe (drawn: input FLOAT [3, 6, 8], labels FLOAT [18, 3]) the"
            + " gradients of all trained variables are 0, which shows nothing. Give another with"
            + " probe(...).",
        error.getMessage());
    assertEquals(0, anchors(graph));
  }

  /**
   * In float M2.1's -1e9 leaves nothing of the scores of a row of padding alone, in double it does
   * not change its softmax (in its attention ops; its softmax op alone gives NaN). The anchor op
   * gives the latter, values and gradients, in float too.
   */
  @ParameterizedTest
  @EnumSource(
      names = {
        "STOCK_OP_UNSCALED_WITH_MASK",
        "STOCK_OP_OF_RANK_4_WITH_MASK",
        "MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES"
      })
  void aRowOfPaddingAloneIsWhatItWasInDouble(AttentionGraphs variant) {
    SameDiff old = variant.graph(DataType.DOUBLE);
    SameDiff graph = variant.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder().build().apply(graph);
    var exact = AttentionGraphs.inputs(old, DataType.DOUBLE, 1, true);
    var inputs = AttentionGraphs.inputs(graph, DataType.FLOAT, 1, true);
    List<String> trained = trained(old);
    assertClose(
        "output",
        inFloat(old.output(exact, "mixed", "loss")),
        graph.output(inputs, "mixed", "loss"));
    assertGradients(
        inFloat(old.calculateGradients(exact, trained)), graph.calculateGradients(inputs, trained));
  }

  /** M2.1's where has no gradient, so that such a graph can only be run. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBooleanMaskMayReplaceScores(boolean visible) {
    var parts = new Parts(DataType.FLOAT);
    SDVariable[] qkv = parts.heads();
    SDVariable keys = parts.sd.placeHolder("keys", DataType.BOOL, Parts.ROWS, 1, 1, Parts.TOKENS);
    SDVariable condition = parts.sd.tile(keys, 1, Parts.HEADS, Parts.TOKENS, 1);
    INDArray low = Nd4j.valueArrayOf(new long[] {3, 2, 6, 6}, -1e9, DataType.FLOAT);
    SDVariable fill = parts.sd.constant("fill", low);
    SDVariable scores = parts.scores(qkv);
    SDVariable masked =
        visible ? parts.sd.where(scores, fill, condition) : parts.sd.where(fill, scores, condition);
    parts.join(parts.sd.nn.softmax(masked, -1).mmul(qkv[2])).rename("mixed");
    INDArray mask = Nd4j.ones(DataType.FLOAT, Parts.ROWS, 1, 1, Parts.TOKENS);
    mask.putScalar(new int[] {1, 0, 0, 5}, 0).putScalar(new int[] {2, 0, 0, 0}, 0);
    Map<String, INDArray> inputs =
        AttentionGraphs.inputs(parts.sd, DataType.FLOAT, 2, /* empty= */ false);
    inputs.remove("labels");
    inputs.put("keys", (visible ? mask : mask.rsub(1)).castTo(DataType.BOOL));
    Map<String, INDArray> before = parts.sd.output(inputs, "mixed");
    var report = new SameDiffRetrofit.Builder().build().apply(parts.sd);
    assertEquals(1, anchors(parts.sd), report::toString);
    assertClose("output", before, parts.sd.output(inputs, "mixed"));
  }

  /** The second block reads the first's result, and both the same masks, one of them a constant. */
  @Test
  void blocksThatShareTheirMasksAreAllReplaced() {
    var parts = new Parts(DataType.FLOAT);
    SDVariable keys = parts.sd.expandDims(parts.sd.expandDims(parts.mask(), 1), 1);
    SDVariable padding = keys.sub(1).mul(1e9);
    SDVariable causal = parts.sd.constant("causal", AttentionGraphs.causal(DataType.FLOAT));
    SDVariable[] qkv = parts.heads();
    for (String block : List.of("first", "second")) {
      SDVariable scores = parts.scores(qkv).add(padding).add(causal);
      SDVariable mixed = parts.sd.nn.softmax(scores, -1).mmul(block, qkv[2]);
      qkv = new SDVariable[] {mixed, qkv[0], mixed};
    }
    SDVariable loss = qkv[0].mul(qkv[0]).mean("loss");
    parts.sd.setLossVariables(loss);
    Map<String, INDArray> inputs =
        AttentionGraphs.inputs(parts.sd, DataType.FLOAT, 6, /* empty= */ false);
    inputs.remove("labels");
    List<String> trained = trained(parts.sd);
    Map<String, INDArray> outputs = parts.sd.output(inputs, "first", "second", "loss");
    Map<String, INDArray> gradients = parts.sd.calculateGradients(inputs, trained);
    var report = new SameDiffRetrofit.Builder().build().apply(parts.sd);
    assertEquals(2, report.replaced().size(), report::toString);
    assertEquals(2, anchors(parts.sd));
    assertEquals(2, report.notes().size(), "one on causal and padding for each");
    assertClose("output", outputs, parts.sd.output(inputs, "first", "second", "loss"));
    assertGradients(gradients, parts.sd.calculateGradients(inputs, trained));
  }

  private static Map<String, INDArray> inFloat(Map<String, INDArray> arrays) {
    return arrays.entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().castTo(DataType.FLOAT)));
  }

  static Stream<Arguments> variantsAndUpdaters() {
    return Stream.of(AttentionGraphs.values())
        .flatMap(
            variant -> Stream.of(new Adam(0.01), new Sgd(0.1)).map(u -> Arguments.of(variant, u)));
  }

  @ParameterizedTest
  @MethodSource("variantsAndUpdaters")
  void tenStepsAfterASwapAreThoseWithout(AttentionGraphs variant, IUpdater updater) {
    SameDiff old = variant.graph(DataType.FLOAT);
    SameDiff swapped = variant.graph(DataType.FLOAT);
    for (SameDiff graph : List.of(old, swapped)) {
      graph.setTrainingConfig(AttentionGraphs.training(graph, updater));
      for (int step = 0; step < 3; step++) {
        AttentionGraphs.fit(graph, AttentionGraphs.inputs(graph, DataType.FLOAT, step, false));
      }
    }
    new SameDiffRetrofit.Builder().build().apply(swapped);
    for (int step = 3; step < 13; step++) {
      AttentionGraphs.fit(old, AttentionGraphs.inputs(old, DataType.FLOAT, step, false));
      AttentionGraphs.fit(swapped, AttentionGraphs.inputs(swapped, DataType.FLOAT, step, false));
    }
    assertEquals(13, swapped.getTrainingConfig().getIterationCount());
    SameDiff start = variant.graph(DataType.FLOAT);
    for (String name : trained(old)) {
      INDArray after = swapped.getVariable(name).getArr();
      double difference = Differences.ofValues(old.getVariable(name).getArr(), after);
      assertTrue(difference <= ALLOWED, () -> name + " differs by " + difference);
      assertFalse(start.getVariable(name).getArr().equalsWithEps(after, 1e-4), name);
    }
  }

  /** Loads a swapped graph, trains a step and prints the loss; nothing of ours is called first. */
  static final class LoadAndFit {
    private LoadAndFit() {}

    public static void main(String[] args) {
      SameDiff graph = SameDiff.load(new File(args[0]), /* loadUpdaterState= */ true);
      var inputs = AttentionGraphs.inputs(graph, DataType.FLOAT, 8, false);
      AttentionGraphs.fit(graph, inputs);
      System.out.println("loss " + graph.outputSingle(inputs, "loss").getDouble(0));
    }
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES",
        "ONE_MINUS_MASK_TIMES_A_LOT",
        "HEADS_FOLDED_INTO_THE_BATCH"
      })
  void aSavedSwappedGraphTrainsOnInAProcessThatOnlyHasTheJar(
      AttentionGraphs variant, @TempDir Path folder) throws Exception {
    SameDiff graph = variant.graph(DataType.FLOAT);
    graph.setTrainingConfig(AttentionGraphs.training(graph, new Adam(0.01)));
    AttentionGraphs.fit(graph, AttentionGraphs.inputs(graph, DataType.FLOAT, 7, false));
    new SameDiffRetrofit.Builder().build().apply(graph);
    File file = folder.resolve("graph.fb").toFile();
    graph.save(file, /* saveUpdaterState= */ true);
    Map<String, INDArray> inputs = AttentionGraphs.inputs(graph, DataType.FLOAT, 8, false);
    AttentionGraphs.fit(graph, inputs);
    String expected = "loss " + graph.outputSingle(inputs, "loss").getDouble(0);
    String printed = FreshJvm.run(LoadAndFit.class, Map.of(), file.toString());
    assertTrue(printed.contains(expected), () -> "expected " + expected + ", got: " + printed);
  }

  @Test
  void aGraphThatWasLoadedIsSwappedAsWell(@TempDir Path folder) {
    SameDiff graph = AttentionGraphs.CAUSAL_AND_PADDING_IN_ONE_SUM.graph(DataType.FLOAT);
    File file = folder.resolve("graph.fb").toFile();
    graph.save(file, false);
    SameDiff loaded = SameDiff.load(file, false);
    new SameDiffRetrofit.Builder().build().apply(loaded);
    assertEquals(1, anchors(loaded));
    Map<String, INDArray> inputs = AttentionGraphs.inputs(graph, DataType.FLOAT, 3, false);
    assertClose("output", graph.output(inputs, "output"), loaded.output(inputs, "output"));
  }
}
