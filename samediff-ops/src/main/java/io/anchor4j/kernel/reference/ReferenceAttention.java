package io.anchor4j.kernel.reference;

import io.anchor4j.attention.Alibi;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.rotary.RotaryAngles;
import java.util.function.DoubleUnaryOperator;

/**
 * Attention of one row of the batch, forward and backward, a query at a time.
 *
 * <p>Arrays are row-major: query [H, Tq, D], key and value [Hkv, Tk, D].
 */
final class ReferenceAttention {
  private final AttentionConfig config;
  private final AttentionShapes shapes;
  private final int[] documents;
  private final int[] positions;
  private final RotaryAngles angles; // null where nothing is rotated
  private final double scale;
  private final double[] slopes;
  private final DoubleUnaryOperator score; // rounds an operand of the score product
  private final DoubleUnaryOperator other; // rounds an operand of every other product
  private final double[] query; // rotated and rounded
  private final double[] key; // rotated and rounded
  private final double[] value; // rounded

  ReferenceAttention(
      AttentionArguments arguments,
      int[] documents,
      int[] positions,
      double[] query,
      double[] key,
      double[] value) {
    this.config = arguments.config();
    this.shapes = arguments.shapes();
    this.documents = documents;
    this.positions = positions;
    this.scale = config.scaleFor(shapes.headDim());
    this.slopes = config.alibi() ? Alibi.slopes(shapes.heads()) : new double[shapes.heads()];
    this.score = Rounding.ofScores(config.precision(), arguments.query().dataType());
    this.other = Rounding.of(config.precision(), arguments.query().dataType());
    this.angles =
        config.rotary() == null
            ? null
            : RotaryAngles.of(config.rotary(), positions, shapes.headDim());
    this.query = rounded(rotated(query, shapes.heads(), firstQuery(), false), score);
    this.key = rounded(rotated(key, shapes.kvHeads(), 0, false), score);
    this.value = rounded(value, other);
  }

  /** Queries are the last Tq tokens of the row. */
  private int firstQuery() {
    return shapes.tokens() - shapes.queryTokens();
  }

  private double[] rotated(double[] heads, int count, int firstToken, boolean inverse) {
    return angles == null
        ? heads.clone()
        : ReferenceRotary.rotate(
            config.rotary().pairing(), angles, heads, count, firstToken, shapes.headDim(), inverse);
  }

  private static double[] rounded(double[] values, DoubleUnaryOperator rounding) {
    for (int i = 0; i < values.length; i++) {
      values[i] = rounding.applyAsDouble(values[i]);
    }
    return values;
  }

  /** Fills output [H, Tq, D] and logSumExp [H, Tq]. */
  void forward(double[] output, double[] logSumExp) {
    int d = shapes.headDim();
    for (int h = 0; h < shapes.heads(); h++) {
      for (int t = 0; t < shapes.queryTokens(); t++) {
        int row = h * shapes.queryTokens() + t;
        // Pass 1: scores of the keys in sight, and their log-sum-exp.
        double[] scores = scores(h, t);
        double max = Double.NEGATIVE_INFINITY;
        for (double s : scores) {
          max = Math.max(max, s);
        }
        double sum = 0;
        for (double s : scores) {
          sum += s == Double.NEGATIVE_INFINITY ? 0 : Math.exp(s - max);
        }
        logSumExp[row] = max == Double.NEGATIVE_INFINITY ? max : max + Math.log(sum);
        // Pass 2: the mean of the values, weighted by the softmax. A row that sees nothing is 0.
        for (int k = 0; k < scores.length; k++) {
          if (scores[k] != Double.NEGATIVE_INFINITY) {
            double weight = other.applyAsDouble(Math.exp(scores[k] - max));
            for (int i = 0; i < d; i++) {
              output[row * d + i] += weight * value[kvRow(h, k) * d + i] / sum;
            }
          }
        }
      }
    }
  }

  /** Fills the gradients of query [H, Tq, D], key and value [Hkv, Tk, D]. */
  void backward(
      double[] output,
      double[] logSumExp,
      double[] outputGradient,
      double[] queryGradient,
      double[] keyGradient,
      double[] valueGradient) {
    int d = shapes.headDim();
    double[] roundedOutputGradient = rounded(outputGradient.clone(), other);
    for (int h = 0; h < shapes.heads(); h++) {
      for (int t = 0; t < shapes.queryTokens(); t++) {
        int row = h * shapes.queryTokens() + t;
        // Pass 1: delta, what the softmax's own normalisation takes away.
        double delta = 0;
        for (int i = 0; i < d; i++) {
          delta += outputGradient[row * d + i] * output[row * d + i];
        }
        double[] scores = scores(h, t);
        for (int k = 0; k < scores.length; k++) {
          if (scores[k] == Double.NEGATIVE_INFINITY) {
            continue;
          }
          // Pass 2: undoes "output += weight * value".
          double weight = Math.exp(scores[k] - logSumExp[row]);
          double roundedWeight = other.applyAsDouble(weight);
          int kv = kvRow(h, k);
          double weightGradient = 0;
          for (int i = 0; i < d; i++) {
            valueGradient[kv * d + i] += roundedWeight * roundedOutputGradient[row * d + i];
            weightGradient += roundedOutputGradient[row * d + i] * value[kv * d + i];
          }
          // Pass 3: undoes the softmax, then the score product.
          double scoreGradient = other.applyAsDouble(weight * (weightGradient - delta));
          for (int i = 0; i < d; i++) {
            queryGradient[row * d + i] +=
                scoreGradient * scale * other.applyAsDouble(key[kv * d + i]);
            keyGradient[kv * d + i] +=
                scoreGradient * scale * other.applyAsDouble(query[row * d + i]);
          }
        }
      }
    }
    // Pass 4: a rotation's gradient is the rotation turned back.
    turnBack(queryGradient, shapes.heads(), firstQuery());
    turnBack(keyGradient, shapes.kvHeads(), 0);
  }

  private void turnBack(double[] gradient, int heads, int firstToken) {
    double[] turned = rotated(gradient, heads, firstToken, true);
    System.arraycopy(turned, 0, gradient, 0, gradient.length);
  }

  /** The score of every key for one query, -infinity where it is out of sight. */
  private double[] scores(int h, int t) {
    int d = shapes.headDim();
    int q = firstQuery() + t;
    var scores = new double[shapes.tokens()];
    for (int k = 0; k < scores.length; k++) {
      scores[k] = Double.NEGATIVE_INFINITY;
      if (config.mask().visible(documents, q, k, config.causal(), config.window())) {
        double dot = 0;
        for (int i = 0; i < d; i++) {
          dot += query[(h * shapes.queryTokens() + t) * d + i] * key[kvRow(h, k) * d + i];
        }
        scores[k] = dot * scale + Alibi.bias(slopes[h], positions[q], positions[k]);
      }
    }
    return scores;
  }

  private int kvRow(int h, int k) {
    return h / shapes.group() * shapes.tokens() + k;
  }
}
