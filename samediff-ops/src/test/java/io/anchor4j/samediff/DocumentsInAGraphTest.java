package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.samediff.AttentionGraphs.Parts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;

/** Documents and positions that a graph's attention reads after the swap. */
class DocumentsInAGraphTest {

  /** What each document gives alone, by the old op and a padding mask that hides the other. */
  private static INDArray eachDocumentAlone() {
    SameDiff old = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    Map<String, INDArray> inputs = SwitchedOnTest.inputs(old);
    INDArray result = Nd4j.create(DataType.FLOAT, Parts.ROWS, Parts.TOKENS, Parts.CHANNELS);
    for (int document = 1; document <= 2; document++) {
      INDArray mask =
          Nd4j.createFromArray(SwitchedOnTest.DOCUMENTS).eq(document).castTo(DataType.FLOAT);
      inputs.put("mask", mask);
      INDArray mixed = old.outputSingle(inputs, "mixed");
      result.addi(mixed.mul(mask.reshape(Parts.ROWS, Parts.TOKENS, 1)));
    }
    return result;
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "SCALED_AFTER_BY_A_NUMBER",
        "ONE_MINUS_MASK_TIMES_A_LOT",
        "STOCK_OP_OF_RANK_4_WITH_MASK",
        "SOFTMAX_OVER_THE_AXIS_BEFORE_THE_LAST",
        "HEADS_FOLDED_INTO_THE_BATCH",
        "HEADS_CONCATENATED_ALONG_THE_BATCH"
      })
  void aDocumentSeesItselfAlone(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    var report =
        new SameDiffRetrofit.Builder()
            .documents("documents")
            .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
            .build()
            .apply(graph);
    INDArray mixed = graph.outputSingle(SwitchedOnTest.inputs(graph), "mixed");
    double difference = Differences.ofValues(eachDocumentAlone(), mixed);
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
    assertEquals(
        List.of(
            "feed 'documents' INT [B, T] (1 everywhere is a row of one document); for training,"
                + " add it to the data set feature mapping"),
        report.notes());
  }

  /** Queries [T, C] without a batch are one row of documents, and these are the rows of rank 3. */
  @Test
  void aGraphOfRank2TakesOneRowOfDocuments() {
    SameDiff graph = AttentionGraphs.RANK_2_WITH_MASK.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
        .build()
        .apply(graph);
    Map<String, INDArray> inputs = SwitchedOnTest.inputs(graph);
    int[] rows =
        IntStream.range(0, Parts.ROWS * Parts.TOKENS).map(t -> 1 + t / Parts.TOKENS).toArray();
    inputs.put("documents", Nd4j.createFromArray(new int[][] {rows}));
    SameDiff batch = AttentionGraphs.SINGLE_HEAD_OF_RANK_3_WITH_MASK.graph(DataType.FLOAT);
    double difference =
        Differences.ofValues(
            batch.outputSingle(SwitchedOnTest.inputs(batch), "mixed"),
            graph.outputSingle(inputs, "mixed"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }

  /** Heads [B, C, T] of M2.1's own op, whose weights are drawn otherwise: a leak test. */
  @ParameterizedTest
  @EnumSource(
      names = {
        "STOCK_OP",
        "MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES",
        "SINGLE_HEAD_OF_RANK_3_WITH_MASK"
      })
  void otherDocumentsDoNotLeak(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT))
        .build()
        .apply(graph);
    Map<String, INDArray> inputs = SwitchedOnTest.inputs(graph);
    INDArray before = graph.outputSingle(inputs, "mixed");
    inputs.get("input").get(NDArrayIndex.point(0), NDArrayIndex.interval(3, 6)).muli(1e6);
    INDArray after = graph.outputSingle(inputs, "mixed");
    for (int token = 0; token < Parts.TOKENS; token++) {
      boolean same = true;
      for (int channel = 0; channel < Parts.CHANNELS; channel++) {
        same &= before.getDouble(0, token, channel) == after.getDouble(0, token, channel);
      }
      assertEquals(token < 3, same, "token " + token);
    }
  }

  @Test
  void aGraphWithDocumentsTrains() {
    SameDiff graph = AttentionGraphs.ONE_MINUS_MASK_TIMES_A_LOT.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.ANCHOR).withCausal(true))
        .build()
        .apply(graph);
    graph.setTrainingConfig(AttentionGraphs.training(graph, new Adam(0.03)));
    assertEquals(
        List.of("documents", "input", "mask"),
        graph.getTrainingConfig().getDataSetFeatureMapping());
    Map<String, INDArray> inputs = SwitchedOnTest.inputs(graph);
    double before = graph.outputSingle(inputs, "loss").getDouble(0);
    for (int step = 0; step < 20; step++) {
      graph.fit(
          new MultiDataSet(
              new INDArray[] {inputs.get("documents"), inputs.get("input"), inputs.get("mask")},
              new INDArray[] {inputs.get("labels")}));
    }
    double after = graph.outputSingle(inputs, "loss").getDouble(0);
    assertTrue(after < 0.8 * before, before + " -> " + after);
  }

  /**
   * Tokens in the order anchor, second document, first document, where positions in the row are
   * what each document's own are: the anchor's, then on from there.
   */
  @ParameterizedTest
  @EnumSource(names = {"SCALED_AFTER_BY_A_NUMBER", "HEADS_FOLDED_INTO_THE_BATCH"})
  void positionsMayCountFromEachDocumentsStart(AttentionGraphs variant) {
    var retrofit =
        new SameDiffRetrofit.Builder()
            .documents("documents")
            .positions("positions")
            .attention(a -> a.withMask(AttentionMask.ANCHOR).withRotary(RotaryConfig.of(100)))
            .build();
    SameDiff graph = variant.graph(DataType.FLOAT);
    List<String> notes = retrofit.apply(graph).notes();
    assertTrue(
        notes.get(0).startsWith("feed 'documents' and 'positions' INT [B, T]"), notes.get(0));
    Map<String, INDArray> inputs = SwitchedOnTest.inputs(graph);
    inputs.put("documents", everyRow(0, 1, 1, 2, 2, 2));
    inputs.put("positions", everyRow(0, 1, 2, 1, 2, 3));
    INDArray mixed = graph.outputSingle(inputs, "mixed");

    int[] order = {0, 3, 4, 5, 1, 2};
    inputs.put("input", take(inputs.get("input"), order));
    inputs.put("documents", everyRow(0, 2, 2, 2, 1, 1));
    inputs.put("positions", everyRow(0, 1, 2, 3, 1, 2));
    double difference =
        Differences.ofValues(take(mixed, order), graph.outputSingle(inputs, "mixed"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);

    SameDiff inTheRow = variant.graph(DataType.FLOAT);
    new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.ANCHOR).withRotary(RotaryConfig.of(100)))
        .build()
        .apply(inTheRow);
    inputs.remove("positions");
    INDArray second = firstTokens(inTheRow.outputSingle(inputs, "mixed"), 4);
    double beside = Differences.ofValues(firstTokens(take(mixed, order), 4), second);
    assertTrue(beside <= 1e-5, () -> "differs by " + beside);
  }

  private static INDArray everyRow(int... row) {
    int[][] rows = new int[Parts.ROWS][];
    Arrays.fill(rows, row);
    return Nd4j.createFromArray(rows);
  }

  private static INDArray take(INDArray rows, int[] tokens) {
    INDArray taken = rows.dup();
    for (int i = 0; i < tokens.length; i++) {
      taken
          .get(NDArrayIndex.all(), NDArrayIndex.point(i))
          .assign(rows.get(NDArrayIndex.all(), NDArrayIndex.point(tokens[i])));
    }
    return taken;
  }

  private static INDArray firstTokens(INDArray rows, int tokens) {
    return rows.get(NDArrayIndex.all(), NDArrayIndex.interval(0, tokens)).dup();
  }

  @Test
  void positionsWithoutDocumentsAreRefused() {
    SameDiff graph = AttentionGraphs.SCALED_AFTER_BY_A_NUMBER.graph(DataType.FLOAT);
    var retrofit = new SameDiffRetrofit.Builder().positions("positions").build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertEquals(
        "SameDiffRetrofit: positions need documents(...): feed document 1 for every token of a"
            + " plain row.",
        error.getMessage());
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "STOCK_OP_OF_RANK_4_WITH_MASK",
        "MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES",
        "ONE_MINUS_MASK_TIMES_A_LOT",
        "HEADS_FOLDED_INTO_THE_BATCH",
        "HEADS_CONCATENATED_ALONG_THE_BATCH",
        "SINGLE_HEAD_OF_RANK_3_WITH_MASK",
        "RANK_2_WITH_MASK"
      })
  void theReportShowsThatNothingLeaks(AttentionGraphs variant) {
    SameDiffRetrofitReport report = documents().build().apply(variant.graph(DataType.FLOAT));
    assertEquals(0, report.proof().leak());
    assertTrue(
        report.toString().contains("rewriting one of two documents changes the other's results by"),
        report::toString);
    assertEquals(1, report.notes().size(), report::toString);
  }

  private static SameDiffRetrofit.Builder documents() {
    return new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT));
  }

  /** Had rows been mistaken for those of another order of heads, the proof would have said so. */
  @ParameterizedTest
  @EnumSource(names = {"HEADS_FOLDED_INTO_THE_BATCH", "HEADS_CONCATENATED_ALONG_THE_BATCH"})
  void rowsThatAreMistakenLeak(AttentionGraphs variant) {
    SameDiff graph = variant.graph(DataType.FLOAT);
    GraphReading reading = GraphReading.of(graph, Set.of(), null, name -> true);
    AttentionSite site = reading.sites().get(0);
    var mistaken = new AttentionSite.Folding(site.folding().heads(), !site.folding().headMajor());
    SDVariable documents = graph.placeHolder("documents", DataType.INT32, -1, -1);
    new AttentionGraft(reading.view(), withFolding(site, mistaken))
        .apply(site.config().withMask(AttentionMask.INTRA_DOCUMENT), documents, null);
    var proof = new LeakProof(reading, "documents", Parts.ROWS, Parts.TOKENS);
    var error =
        assertThrows(
            IllegalStateException.class,
            () -> proof.show(reading.probe(), Set.of(), 1e-5, new ArrayList<>()));
    assertTrue(
        error.getMessage().startsWith("SameDiffRetrofit: one document would change another's"),
        error.getMessage());
  }

  private static AttentionSite withFolding(AttentionSite site, AttentionSite.Folding folding) {
    return new AttentionSite(
        site.output(),
        site.form(),
        site.query(),
        site.key(),
        site.value(),
        site.outputTransposed(),
        site.rank(),
        site.shape(),
        site.scale(),
        site.causal(),
        site.biases(),
        folding,
        site.projections(),
        site.removed());
  }

  /** Each token reads the mean of its row below the attention, so that nothing can be shown. */
  @Test
  void tokensThatAreMixedBelowAreNotCalledALeak() {
    SameDiff graph = SameDiff.create();
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, -1, Parts.TOKENS, 4);
    SDVariable mixed = input.add(input.mean(true, 1));
    SDVariable scores = graph.mmul(mixed, mixed, false, true, false);
    graph.mmul(graph.nn.softmax(scores, -1), mixed).rename("mixed").add("end", 0);
    SameDiffRetrofitReport report = documents().build().apply(graph);
    assertEquals(Double.NaN, report.proof().leak());
    assertTrue(
        report
            .notes()
            .get(0)
            .endsWith(
                "documents were not tried on the probe, what is below mixes tokens or is not of [B, T]"),
        report::toString);
  }
}
