package io.anchor4j.generation;

import io.anchor4j.data.SplitMix64;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * Chooses the next token of one row from its logits.
 *
 * <p>As transformers does, in this order: repetition penalty, temperature, top-k, top-p, softmax, a
 * draw. The penalty in float, as there, the rest in double over float logits. The draw takes the
 * first token at which the running sum of probabilities, in the order of ids, passes a number of
 * {@link SplitMix64#nextDouble}, stream {@code row} of the seed: equal seeds give equal texts,
 * whatever stands in the batch beside.
 */
public final class Sampler {
  private final GenerationConfig config;
  private final SplitMix64 random;
  private final BitSet held = new BitSet();

  /**
   * A sampler for row {@code row} of a batch.
   *
   * @param prompt the ids that the row holds before the first draw, without padding; the repetition
   *     penalty falls on them and on those chosen
   */
  public Sampler(GenerationConfig config, int row, int... prompt) {
    this.config = config;
    Arrays.stream(prompt).forEach(held::set);
    random = new SplitMix64(config.seed(), row);
  }

  /**
   * Returns a token's id.
   *
   * @param logits [V]
   * @throws ArithmeticException if the largest is no finite number
   */
  public int next(float[] logits) {
    int id = choose(penalized(logits));
    held.set(id);
    return id;
  }

  /**
   * Returns the logits after the repetition penalty, once for each token whatever its count.
   *
   * @param logits [V]
   * @see <a href="https://arxiv.org/abs/1909.05858">Keskar et al. 2019</a>, which divides negative
   *     logits too and so rewards them; transformers multiplies those
   */
  float[] penalized(float[] logits) {
    float penalty = (float) config.repetitionPenalty();
    float[] penalized = logits.clone();
    held.stream()
        .forEach(
            id -> penalized[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty);
    return penalized;
  }

  private int choose(float[] logits) {
    if (config.temperature() == 0) {
      return likeliest(logits);
    }
    double[] probabilities = probabilities(logits);
    double left = random.nextDouble();
    int last = 0;
    for (int id = 0; id < probabilities.length; id++) {
      left -= probabilities[id];
      if (probabilities[id] > 0) {
        last = id;
        if (left < 0) {
          return id;
        }
      }
    }
    return last; // The probabilities' sum was rounded below the number drawn.
  }

  /**
   * Returns what each token is drawn with: 0 for those that top-k or top-p leave out.
   *
   * @param logits [V]
   */
  double[] probabilities(float[] logits) {
    double largest = logits[likeliest(logits)];
    // The largest subtracted first: a low temperature must not overflow.
    double[] scores =
        IntStream.range(0, logits.length)
            .mapToDouble(id -> (logits[id] - largest) / config.temperature())
            .toArray();
    if (config.topK() > 0 && config.topK() < scores.length) {
      double least = Arrays.stream(scores).sorted().toArray()[scores.length - config.topK()];
      Arrays.setAll(scores, id -> scores[id] < least ? Double.NEGATIVE_INFINITY : scores[id]);
    }
    if (config.topP() < 1) {
      keepLikeliest(logits, scores);
    }
    return softmax(scores);
  }

  /** Leaves out the least likely tokens as long as all left out have no more than 1 - p. */
  private void keepLikeliest(float[] logits, double[] scores) {
    double[] probabilities = softmax(scores);
    long[] ascending =
        IntStream.range(0, scores.length)
            .filter(id -> scores[id] > Double.NEGATIVE_INFINITY)
            .mapToLong(id -> (long) ascendingBits(logits[id]) << 32 | id)
            .sorted()
            .toArray();
    double out = 0;
    for (int i = 0; i < ascending.length - 1; i++) {
      int id = (int) ascending[i];
      out += probabilities[id];
      if (out > 1 - config.topP()) {
        return;
      }
      scores[id] = Double.NEGATIVE_INFINITY;
    }
  }

  /** An integer that is larger where the number is: longs sort ten times as fast as objects. */
  private static int ascendingBits(float number) {
    int bits = Float.floatToIntBits(number);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  /** Of scores whose largest is 0. */
  private static double[] softmax(double[] scores) {
    double[] weights = Arrays.stream(scores).map(Math::exp).toArray();
    double sum = Arrays.stream(weights).sum();
    Arrays.setAll(weights, id -> weights[id] / sum);
    return weights;
  }

  /** The first of the largest. */
  private static int likeliest(float[] logits) {
    int best = 0;
    for (int id = 1; id < logits.length; id++) {
      if (logits[id] > logits[best] || Float.isNaN(logits[id])) {
        best = id;
      }
    }
    if (!Float.isFinite(logits[best])) {
      throw new ArithmeticException(
          "the logit of token %d is %s: no token can be chosen".formatted(best, logits[best]));
    }
    return best;
  }
}
