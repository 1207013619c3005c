package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.Decoder;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

class TrainerTest {
  private static final PackedDataset ROWS = TinyDecoder.rows(12, 5);

  private static List<StepMetrics> train(ComputationGraph graph, int batch, int accumulation) {
    var trainer =
        new Trainer(graph, TinyDecoder.batches(ROWS, batch), TinyDecoder.settings(accumulation));
    List<StepMetrics> metrics = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      metrics.add(trainer.step());
    }
    return metrics;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void howRowsAreDealtIntoBatchesDoesNotMatter(int batch) {
    ComputationGraph whole = TinyDecoder.create(1);
    ComputationGraph dealt = TinyDecoder.create(1);
    List<StepMetrics> expected = train(whole, 4, 1);
    List<StepMetrics> found = train(dealt, batch, 4 / batch);
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i).loss(), found.get(i).loss(), 2e-6);
      assertEquals(expected.get(i).gradientNorm(), found.get(i).gradientNorm(), 1e-5);
      assertEquals(expected.get(i).learningRate(), found.get(i).learningRate());
    }
    assertArrayEquals(whole.params().toFloatVector(), dealt.params().toFloatVector(), 2e-5f);
  }

  @Test
  void theSameRunGivesTheSameBitsAndLearns() {
    ComputationGraph first = TinyDecoder.create(1);
    ComputationGraph second = TinyDecoder.create(1);
    List<StepMetrics> metrics = train(first, 2, 2);
    assertEquals(
        metrics.stream().map(StepMetrics::loss).toList(),
        train(second, 2, 2).stream().map(StepMetrics::loss).toList());
    assertArrayEquals(first.params().toFloatVector(), second.params().toFloatVector());
    assertTrue(metrics.get(9).loss() < metrics.get(0).loss() - 0.1, () -> metrics.toString());
  }

  @Test
  void theLossIsTheMeanOverTheTargetsThatCount() {
    ComputationGraph graph = TinyDecoder.create(1);
    PackedIterator batches = TinyDecoder.batches(ROWS, 3);
    double sum = 0;
    long targets = 0;
    for (int i = 0; i < 2; i++) {
      MultiDataSet batch = batches.next();
      INDArray losses =
          Decoder.tokenLosses(
              graph,
              batch.getFeatures(0),
              batch.getFeatures(1),
              batch.getFeatures(2),
              batch.getLabels(0));
      sum += losses.sumNumber().doubleValue();
      targets += GradientAccumulation.countTargets(batch);
    }
    double mean = sum / targets;
    assertEquals(mean, train(graph, 3, 2).get(0).loss(), 1e-6);
  }

  @Test
  void validationWeighsEveryTargetAlike() {
    ComputationGraph graph = TinyDecoder.create(1);
    var inOne = new PackedIterator.Builder(ROWS).batchSize(12).build();
    var inFive = new PackedIterator.Builder(ROWS).batchSize(5).build();
    double mean = Trainer.meanLoss(graph, inOne);
    assertEquals(mean, Trainer.meanLoss(graph, inFive), 1e-6);
    assertEquals(train(graph, 12, 1).get(0).loss(), mean, 1e-6);
  }

  @Test
  void theUpdaterOfTheGraphIsNotInvolved() {
    ComputationGraph graph = TinyDecoder.create(1);
    MultiDataSet batch = TinyDecoder.batches(ROWS, 4).next();
    var gradients = new GradientAccumulation(graph).compute(1, List.of(batch)).gradients().dup();
    // A central difference along the gradient itself: its slope is the squared norm.
    INDArray start = graph.params().dup();
    double norm = gradients.norm2Number().doubleValue();
    double step = 3e-3;
    graph.params().assign(start.add(gradients.mul(step / norm)));
    double above = graph.score(batch, false);
    graph.params().assign(start.sub(gradients.mul(step / norm)));
    double below = graph.score(batch, false);
    assertEquals(norm, (above - below) / (2 * step), 1e-3 * norm);
  }

  @Test
  void aLossThatIsNotFiniteStopsBeforeTheUpdate() {
    ComputationGraph graph = TinyDecoder.create(1);
    var trainer = new Trainer(graph, TinyDecoder.batches(ROWS, 2), TinyDecoder.settings(2));
    trainer.step();
    graph.params().putScalar(3, Float.NaN);
    float[] before = graph.params().toFloatVector();
    float[] moment = trainer.optimizer().firstMoment().toFloatVector();
    assertEquals(
        "step 2: the loss is NaN and the gradient's norm NaN, so training stops before this update",
        assertThrows(DivergenceException.class, trainer::step).getMessage());
    assertArrayEquals(before, graph.params().toFloatVector());
    assertArrayEquals(moment, trainer.optimizer().firstMoment().toFloatVector());
    assertEquals(1, trainer.steps());
  }

  @Test
  void aStepWithoutTargetsIsRefused() {
    int[] documents = {0, 1, 2, -1};
    PackedDataset rows = PackedDataset.of(List.of(new PackedRow(new int[4], documents)));
    var trainer =
        new Trainer(TinyDecoder.create(1), TinyDecoder.batches(rows, 1), TinyDecoder.settings(2));
    assertEquals(
        "step 1: none of its 6 tokens is a target that counts: each is padding, labelled -100, or the first of its document. Look at the rows, or set data.boundaryLabels to keep.",
        assertThrows(IllegalArgumentException.class, trainer::step).getMessage());
  }

  @Test
  void aBatchWithoutTargetsAmongOthersWeighsNothing() {
    var empty = new PackedRow(new int[4], new int[] {0, 1, 2, -1});
    var full = new PackedRow(new int[] {1, 2, 3, 4}, new int[] {1, 1, 1, 1});
    ComputationGraph alone = TinyDecoder.create(1);
    ComputationGraph among = TinyDecoder.create(1);
    PackedDataset one = PackedDataset.of(List.of(full));
    PackedDataset two = PackedDataset.of(List.of(empty, full));
    double expected =
        new Trainer(alone, TinyDecoder.batches(one, 1), TinyDecoder.settings(1)).step().loss();
    StepMetrics found =
        new Trainer(among, TinyDecoder.batches(two, 1), TinyDecoder.settings(2)).step();
    assertEquals(expected, found.loss());
    assertNotEquals(0, found.gradientNorm());
    assertArrayEquals(alone.params().toFloatVector(), among.params().toFloatVector());
  }
}
