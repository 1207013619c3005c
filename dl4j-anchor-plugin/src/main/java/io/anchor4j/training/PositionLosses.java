package io.anchor4j.training;

import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.Decoder;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * How well a decoder predicts by where in the row it does: the mean loss of all targets that count,
 * in buckets of equally many places. A place is that of the token predicted from, counted from the
 * head of the row, whatever its document and position.
 */
public final class PositionLosses {
  private PositionLosses() {}

  /**
   * Some places of the rows.
   *
   * @param first first place, from 0
   * @param end one past the last place
   * @param targets that count, over all rows
   * @param meanLoss of these, in nats; not a number if there are none
   */
  public record Bucket(int first, int end, long targets, double meanLoss) {
    /** Returns e to the mean loss. */
    public double perplexity() {
      return Math.exp(meanLoss);
    }
  }

  /**
   * Returns the buckets of all places, in order; the last may be smaller.
   *
   * @param batches read from where they stand to their end
   * @param bucketTokens places of a bucket
   * @throws IllegalArgumentException if {@code bucketTokens} is below 1
   */
  public static List<Bucket> of(ComputationGraph graph, PackedIterator batches, int bucketTokens) {
    if (bucketTokens < 1) {
      throw new IllegalArgumentException("bucketTokens must be at least 1, got " + bucketTokens);
    }
    List<Sum> sums = new ArrayList<>();
    while (batches.hasNext()) {
      MultiDataSet batch = batches.next();
      INDArray targets = batch.getLabels(0);
      INDArray losses =
          Decoder.tokenLosses(
              graph, batch.getFeatures(0), batch.getFeatures(1), batch.getFeatures(2), targets);
      add(sums, losses.ravel().toDoubleVector(), targets, bucketTokens);
    }
    List<Bucket> buckets = new ArrayList<>();
    int first = 0;
    for (Sum sum : sums) {
      int end = first + sum.places;
      buckets.add(new Bucket(first, end, sum.targets, sum.loss / sum.targets));
      first = end;
    }
    return buckets;
  }

  private static void add(List<Sum> sums, double[] losses, INDArray targets, int bucketTokens) {
    int[] ids = targets.data().asInt();
    int tokens = (int) targets.size(1);
    for (int i = 0; i < ids.length; i++) {
      int place = i % tokens;
      int bucket = place / bucketTokens;
      if (bucket == sums.size()) {
        sums.add(new Sum());
      }
      Sum sum = sums.get(bucket);
      sum.places = Math.max(sum.places, place % bucketTokens + 1);
      if (ids[i] != PackedRow.IGNORED) {
        sum.loss += losses[i];
        sum.targets++;
      }
    }
  }

  private static final class Sum {
    private int places;
    private long targets;
    private double loss;
  }
}
