package io.anchor4j.testing;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import io.anchor4j.rotary.RotaryScaling;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The output of attention written a second time, from the rules of the masks in words and with the
 * whole T x T matrix: shares no code with any provider. Rotary without scaling only.
 */
public final class NaiveAttention {
  private NaiveAttention() {}

  /** Returns the output at [b][h][t][d]. */
  public static double[][][][] output(AttentionInputs in) {
    int batch = (int) in.query.size(0);
    int heads = (int) in.query.size(1);
    int queries = (int) in.query.size(2);
    int tokens = (int) in.key.size(2);
    int headDim = (int) in.query.size(3);
    int group = heads / (int) in.key.size(1);
    double scale = in.config.scale() == 0 ? Math.pow(headDim, -0.5) : in.config.scale();
    var output = new double[batch][heads][queries][headDim];
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        for (int i = 0; i < queries; i++) {
          int q = tokens - queries + i;
          var weights = new double[tokens];
          double total = 0;
          for (int k = 0; k < tokens; k++) {
            if (sees(in, in.documents[b], q, k)) {
              double[] left = turned(in, in.query, b, h, i, in.positions[b][q]);
              double[] right = turned(in, in.key, b, h / group, k, in.positions[b][k]);
              double score = scale * dot(left, right);
              if (in.config.alibi()) {
                score -= slope(h, heads) * Math.abs(in.positions[b][q] - in.positions[b][k]);
              }
              weights[k] = Math.exp(score);
              total += weights[k];
            }
          }
          for (int k = 0; k < tokens; k++) {
            for (int d = 0; d < headDim && weights[k] > 0; d++) {
              output[b][h][i][d] += weights[k] / total * in.value.getDouble(b, h / group, k, d);
            }
          }
        }
      }
    }
    return output;
  }

  private static boolean sees(AttentionInputs in, int[] ids, int q, int k) {
    boolean padding = ids[q] == -1 || ids[k] == -1;
    boolean later = in.config.causal() && k > q;
    int window = in.config.window();
    boolean far = window > 0 && Math.abs(q - k) >= window;
    if (padding || later) {
      return false;
    }
    if (in.config.mask() == AttentionMask.FULL) {
      return !far;
    }
    if (in.config.mask() == AttentionMask.INTRA_DOCUMENT) {
      return ids[q] == ids[k] && (!far || ids[k] == 0);
    }
    return ids[k] == 0 || (ids[q] == ids[k] && !far);
  }

  /** As in the ALiBi paper: halving over 8 octaves, and interpolated for other head counts. */
  private static double slope(int head, int heads) {
    int power = 1;
    while (power * 2 <= heads) {
      power *= 2;
    }
    double ratio = Math.pow(2, -8.0 / power);
    return head < power
        ? Math.pow(ratio, head + 1)
        : Math.pow(Math.sqrt(ratio), 2 * (head - power) + 1);
  }

  private static double[] turned(
      AttentionInputs in, INDArray heads, int b, int h, int t, int position) {
    var head = new double[(int) heads.size(3)];
    Arrays.setAll(head, d -> heads.getDouble(b, h, t, d));
    var rotary = in.config.rotary();
    if (rotary == null) {
      return head;
    }
    if (!rotary.scaling().equals(RotaryScaling.NONE)) {
      throw new IllegalArgumentException("scaled frequencies have their own tests");
    }
    int n = rotary.dimensions() == 0 ? head.length : rotary.dimensions();
    double[] result = head.clone();
    for (int i = 0; i < n / 2; i++) {
      double angle = position / Math.pow(rotary.theta(), 2.0 * i / n);
      int x = rotary.pairing() == Pairing.INTERLEAVED ? 2 * i : i;
      int y = rotary.pairing() == Pairing.INTERLEAVED ? 2 * i + 1 : i + n / 2;
      result[x] = Math.cos(angle) * head[x] - Math.sin(angle) * head[y];
      result[y] = Math.sin(angle) * head[x] + Math.cos(angle) * head[y];
    }
    return result;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
