package io.anchor4j.rotary;

import io.anchor4j.rotary.RotaryScaling.DynamicNtk;
import io.anchor4j.rotary.RotaryScaling.Linear;
import io.anchor4j.rotary.RotaryScaling.Llama3;
import io.anchor4j.rotary.RotaryScaling.LongRope;
import io.anchor4j.rotary.RotaryScaling.Yarn;
import java.util.List;

/**
 * The cosines and sines by which the tokens of one row are turned, [T, pairs], row-major.
 *
 * <p>Frequencies and angles are formed in double from integer positions: a float product of
 * position and frequency is already off by 0.008 radian near position 131,072, and a bfloat16
 * position holds integers only up to 256. Rounding comes last, in the kernel's own type.
 *
 * <p>The attention factor of YaRN and LongRoPE is part of both tables.
 */
public final class RotaryAngles {
  private final int pairs;
  private final double[] cosines;
  private final double[] sines;

  private RotaryAngles(int pairs, double[] cosines, double[] sines) {
    this.pairs = pairs;
    this.cosines = cosines;
    this.sines = sines;
  }

  /**
   * Returns the tables for one row.
   *
   * @param positions the position of each token; any integers
   * @param headDim D; see {@link RotaryConfig#rotatedDimensions}
   */
  public static RotaryAngles of(RotaryConfig config, int[] positions, int headDim) {
    int largest = -1;
    for (int position : positions) {
      largest = Math.max(largest, position);
    }
    int dimensions = config.rotatedDimensions(headDim);
    double[] frequencies = inverseFrequencies(config, dimensions, largest);
    double factor = attentionFactor(config.scaling());
    int pairs = frequencies.length;
    var cosines = new double[positions.length * pairs];
    var sines = new double[positions.length * pairs];
    for (int t = 0; t < positions.length; t++) {
      for (int i = 0; i < pairs; i++) {
        double angle = positions[t] * frequencies[i];
        cosines[t * pairs + i] = Math.cos(angle) * factor;
        sines[t * pairs + i] = Math.sin(angle) * factor;
      }
    }
    return new RotaryAngles(pairs, cosines, sines);
  }

  /**
   * Returns cosine and sine side by side for tokens [from, to), rounded to float last: [to - from,
   * pairs, 2], row-major.
   *
   * @param frequencies see {@link #inverseFrequencies}
   * @param factor see {@link #attentionFactor}
   */
  public static float[] inFloat(
      double[] frequencies, double factor, int[] positions, int from, int to) {
    var table = new float[(to - from) * frequencies.length * 2];
    int i = 0;
    for (int t = from; t < to; t++) {
      for (double frequency : frequencies) {
        double angle = positions[t] * frequency;
        table[i++] = (float) (Math.cos(angle) * factor);
        table[i++] = (float) (Math.sin(angle) * factor);
      }
    }
    return table;
  }

  /** Pairs of dimensions that turn: half the rotated dimensions. */
  public int pairs() {
    return pairs;
  }

  public double cosine(int token, int pair) {
    return cosines[token * pairs + pair];
  }

  public double sine(int token, int pair) {
    return sines[token * pairs + pair];
  }

  /**
   * Returns radians per token of each pair.
   *
   * @param dimensions rotated dimensions, even
   * @param largestPosition the largest position of the row, which dynamic NTK and LongRoPE depend
   *     on
   */
  public static double[] inverseFrequencies(
      RotaryConfig config, int dimensions, int largestPosition) {
    double theta = config.theta();
    if (config.scaling() instanceof DynamicNtk dynamic && dimensions > 2) {
      double length = Math.max(largestPosition + 1.0, dynamic.maxPositions());
      double stretch = dynamic.factor() * length / dynamic.maxPositions() - (dynamic.factor() - 1);
      theta *= Math.pow(stretch, dimensions / (dimensions - 2.0));
    }
    var frequencies = new double[dimensions / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(theta, -2.0 * i / dimensions);
    }
    if (config.scaling() instanceof Linear linear) {
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] /= linear.factor();
      }
    } else if (config.scaling() instanceof Yarn yarn) {
      stretchYarn(frequencies, yarn, theta);
    } else if (config.scaling() instanceof Llama3 llama3) {
      stretchLlama3(frequencies, llama3);
    } else if (config.scaling() instanceof LongRope longRope) {
      List<Double> factors = longRope.factors(largestPosition);
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] /= factors.get(i);
      }
    }
    return frequencies;
  }

  /** Returns what cosines and sines are multiplied by: an attention factor, otherwise 1. */
  public static double attentionFactor(RotaryScaling scaling) {
    if (scaling instanceof LongRope longRope) {
      return longRope.attentionFactor();
    }
    return scaling instanceof Yarn yarn ? yarn.attentionFactor() : 1;
  }

  private static void stretchYarn(double[] frequencies, Yarn yarn, double theta) {
    int dimensions = 2 * frequencies.length;
    double low = yarnDimension(yarn.betaFast(), dimensions, theta, yarn.originalMaxPositions());
    double high = yarnDimension(yarn.betaSlow(), dimensions, theta, yarn.originalMaxPositions());
    if (yarn.truncate()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, dimensions - 1.0);
    if (low == high) {
      high += 0.001; // as published: keeps the ramp from dividing by zero
    }
    for (int i = 0; i < frequencies.length; i++) {
      double ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
      frequencies[i] = frequencies[i] * (1 - ramp) + frequencies[i] / yarn.factor() * ramp;
    }
  }

  /** The pair, as a real number, that makes {@code rotations} turns over the original context. */
  private static double yarnDimension(
      double rotations, int dimensions, double theta, int maxPositions) {
    return dimensions * Math.log(maxPositions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  private static void stretchLlama3(double[] frequencies, Llama3 llama3) {
    double longest = llama3.originalMaxPositions() / llama3.lowFrequencyFactor();
    double shortest = llama3.originalMaxPositions() / llama3.highFrequencyFactor();
    for (int i = 0; i < frequencies.length; i++) {
      double wavelength = 2 * Math.PI / frequencies[i];
      if (wavelength > longest) {
        frequencies[i] /= llama3.factor();
      } else if (wavelength >= shortest) {
        double smooth =
            (llama3.originalMaxPositions() / wavelength - llama3.lowFrequencyFactor())
                / (llama3.highFrequencyFactor() - llama3.lowFrequencyFactor());
        frequencies[i] = (1 - smooth) * frequencies[i] / llama3.factor() + smooth * frequencies[i];
      }
    }
  }
}
