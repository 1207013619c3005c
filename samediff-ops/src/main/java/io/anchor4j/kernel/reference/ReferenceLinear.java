package io.anchor4j.kernel.reference;

import io.anchor4j.kernel.KernelProvider;
import java.util.function.DoubleUnaryOperator;

/** Matrix products and the cross-entropy behind one, on row-major arrays. */
final class ReferenceLinear {
  private ReferenceLinear() {}

  /** Returns a [n, k] times b [k, m], operands rounded. */
  static double[] product(double[] a, double[] b, int n, int k, int m, DoubleUnaryOperator round) {
    var product = new double[n * m];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < k; j++) {
        double left = round.applyAsDouble(a[i * k + j]);
        for (int c = 0; c < m; c++) {
          product[i * m + c] += left * round.applyAsDouble(b[j * m + c]);
        }
      }
    }
    return product;
  }

  /** Returns a [n, m], turned into [m, n]. */
  static double[] transposed(double[] a, int n, int m) {
    var turned = new double[a.length];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < m; j++) {
        turned[j * n + i] = a[i * m + j];
      }
    }
    return turned;
  }

  /** Fills losses and logSumExp [N] from logits [N, V]. */
  static void crossEntropy(double[] logits, int[] targets, double[] losses, double[] logSumExp) {
    int vocabulary = logits.length / targets.length;
    for (int n = 0; n < targets.length; n++) {
      if (targets[n] == KernelProvider.IGNORED_TARGET) {
        losses[n] = 0;
        logSumExp[n] = 0;
        continue;
      }
      double max = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < vocabulary; v++) {
        max = Math.max(max, logits[n * vocabulary + v]);
      }
      double sum = 0;
      for (int v = 0; v < vocabulary; v++) {
        sum += Math.exp(logits[n * vocabulary + v] - max);
      }
      logSumExp[n] = max + Math.log(sum);
      losses[n] = logSumExp[n] - logits[n * vocabulary + targets[n]];
    }
  }

  /** Turns logits [N, V] into their gradient in place. */
  static void crossEntropyGradient(
      double[] logits, int[] targets, double[] logSumExp, double[] lossGradients) {
    int vocabulary = logits.length / targets.length;
    for (int n = 0; n < targets.length; n++) {
      boolean counts = targets[n] != KernelProvider.IGNORED_TARGET;
      for (int v = 0; v < vocabulary; v++) {
        int at = n * vocabulary + v;
        double probability = Math.exp(logits[at] - logSumExp[n]);
        logits[at] = counts ? lossGradients[n] * (probability - (v == targets[n] ? 1 : 0)) : 0;
      }
    }
  }
}
