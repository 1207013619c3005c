package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

class PositionLossesTest {
  private final ComputationGraph graph = TinyDecoder.create(3);

  private static PackedIterator once(PackedDataset rows, int batchSize) {
    return new PackedIterator.Builder(rows).batchSize(batchSize).build();
  }

  @Test
  void aBucketIsTheMeanOfItsPlaces() {
    PackedDataset rows = TinyDecoder.rows(7, 8);
    MultiDataSet all = once(rows, 7).next();
    INDArray losses =
        Decoder.tokenLosses(
            graph, all.getFeatures(0), all.getFeatures(1), all.getFeatures(2), all.getLabels(0));
    List<PositionLosses.Bucket> buckets = PositionLosses.of(graph, once(rows, 3), 5);
    assertEquals(3, buckets.size());
    for (PositionLosses.Bucket bucket : buckets) {
      double sum = 0;
      long targets = 0;
      for (int b = 0; b < 7; b++) {
        for (int t = bucket.first(); t < bucket.end(); t++) {
          sum += losses.getDouble(b, t);
          targets += all.getLabels(0).getInt(b, t) == PackedRow.IGNORED ? 0 : 1;
        }
      }
      assertEquals(targets, bucket.targets());
      assertEquals(sum / targets, bucket.meanLoss(), 1e-5);
      assertEquals(Math.exp(sum / targets), bucket.perplexity(), 1e-3);
    }
    assertEquals(10, buckets.get(2).first());
    assertEquals(12, buckets.get(2).end());
  }

  @Test
  void allBucketsTogetherAreTheMeanLoss() {
    PackedDataset rows = TinyDecoder.rows(7, 8);
    double sum = 0;
    long targets = 0;
    for (PositionLosses.Bucket bucket : PositionLosses.of(graph, once(rows, 2), 4)) {
      sum += bucket.targets() == 0 ? 0 : bucket.targets() * bucket.meanLoss();
      targets += bucket.targets();
    }
    assertEquals(Trainer.meanLoss(graph, once(rows, 7)), sum / targets, 1e-6);
  }

  @Test
  void aBucketWithoutTargetsHasNoMean() {
    List<PackedRow> rows = new ArrayList<>();
    rows.add(new PackedRow(new int[] {1, 2, 3, 4}, new int[] {1, 1, -1, -1}));
    List<PositionLosses.Bucket> buckets =
        PositionLosses.of(graph, once(PackedDataset.of(rows), 1), 2);
    assertEquals(1, buckets.get(0).targets());
    assertEquals(0, buckets.get(1).targets());
    assertTrue(Double.isNaN(buckets.get(1).meanLoss()));
  }

  @Test
  void aBucketHoldsAtLeastOnePlace() {
    PackedIterator batches = once(TinyDecoder.rows(1, 1), 1);
    assertEquals(
        "bucketTokens must be at least 1, got 0",
        assertThrows(IllegalArgumentException.class, () -> PositionLosses.of(graph, batches, 0))
            .getMessage());
  }
}
