package io.anchor4j.kernel.reference;

import static io.anchor4j.kernel.reference.ReferenceLinear.product;
import static io.anchor4j.kernel.reference.ReferenceLinear.transposed;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Plain loops in double on copies of the arrays; results are rounded once, at the end. */
public final class ReferenceKernels implements KernelProvider {

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public void attention(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    for (int b = 0; b < arguments.shapes().batch(); b++) {
      var outputs = new double[size(output, b)];
      var sums = new double[size(logSumExp, b)];
      row(arguments, b).forward(outputs, sums);
      write(row(output, b), outputs);
      write(row(logSumExp, b), sums);
    }
  }

  @Override
  public void attentionGradient(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    for (int b = 0; b < arguments.shapes().batch(); b++) {
      var query = new double[size(queryGradient, b)];
      var key = new double[size(keyGradient, b)];
      var value = new double[size(valueGradient, b)];
      row(arguments, b)
          .backward(
              read(row(output, b)),
              read(row(logSumExp, b)),
              read(row(outputGradient, b)),
              query,
              key,
              value);
      write(row(queryGradient, b), query);
      write(row(keyGradient, b), key);
      write(row(valueGradient, b), value);
    }
  }

  private static ReferenceAttention row(AttentionArguments arguments, int b) {
    return new ReferenceAttention(
        arguments,
        row(arguments.documents(), b).toIntVector(),
        row(arguments.positions(), b).toIntVector(),
        read(row(arguments.query(), b)),
        read(row(arguments.key(), b)),
        read(row(arguments.value(), b)));
  }

  @Override
  public void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    int headDim = (int) heads.size(3);
    for (int b = 0; b < heads.size(0); b++) {
      var angles = RotaryAngles.of(config, row(positions, b).toIntVector(), headDim);
      write(
          row(rotated, b),
          ReferenceRotary.rotate(
              config.pairing(),
              angles,
              read(row(heads, b)),
              (int) heads.size(1),
              0,
              headDim,
              inverse));
    }
  }

  @Override
  public void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    double[] x = read(input);
    double[] g = read(gain);
    for (int start = 0; start < x.length; start += g.length) {
      double inverseRms = inverseRms(x, start, g.length, epsilon);
      for (int c = 0; c < g.length; c++) {
        x[start + c] *= inverseRms * g[c];
      }
    }
    write(output, x);
  }

  @Override
  public void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    double[] x = read(input);
    double[] g = read(gain);
    double[] dy = read(outputGradient);
    var dx = new double[x.length];
    var dg = new double[g.length];
    for (int start = 0; start < x.length; start += g.length) {
      double inverseRms = inverseRms(x, start, g.length, epsilon);
      double projection = 0; // mean over channels of dy * gain * x
      for (int c = 0; c < g.length; c++) {
        projection += dy[start + c] * g[c] * x[start + c] / g.length;
        dg[c] += dy[start + c] * x[start + c] * inverseRms;
      }
      for (int c = 0; c < g.length; c++) {
        dx[start + c] =
            inverseRms
                * (dy[start + c] * g[c] - x[start + c] * inverseRms * inverseRms * projection);
      }
    }
    write(inputGradient, dx);
    if (gainGradient != null) {
      write(gainGradient, dg);
    }
  }

  private static double inverseRms(double[] x, int start, int channels, double epsilon) {
    double squares = 0;
    for (int c = start; c < start + channels; c++) {
      squares += x[c] * x[c];
    }
    return 1 / Math.sqrt(squares / channels + epsilon);
  }

  @Override
  public void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    double[] g = read(gate);
    double[] u = read(up);
    for (int i = 0; i < g.length; i++) {
      u[i] *= g[i] * sigmoid(g[i]);
    }
    write(output, u);
  }

  @Override
  public void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    double[] g = read(gate);
    double[] u = read(up);
    double[] dy = read(outputGradient);
    for (int i = 0; i < g.length; i++) {
      double s = sigmoid(g[i]);
      double gateSlope = s * (1 + g[i] * (1 - s));
      double upSlope = g[i] * s;
      g[i] = dy[i] * u[i] * gateSlope;
      u[i] = dy[i] * upSlope;
    }
    write(gateGradient, g);
    write(upGradient, u);
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  @Override
  public void linear(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    int in = (int) weight.size(0);
    int out = (int) weight.size(1);
    int n = (int) (input.length() / in);
    var rounding = Rounding.of(precision, input.dataType());
    double[] product = product(read(input), read(weight), n, in, out, rounding);
    if (bias != null) {
      double[] b = read(bias);
      for (int i = 0; i < product.length; i++) {
        product[i] += b[i % out];
      }
    }
    write(output, product);
  }

  @Override
  public void linearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    int in = (int) weight.size(0);
    int out = (int) weight.size(1);
    int n = (int) (input.length() / in);
    var rounding = Rounding.of(precision, input.dataType());
    double[] dy = read(outputGradient);
    double[] w = transposed(read(weight), in, out);
    write(inputGradient, product(dy, w, n, out, in, rounding));
    if (weightGradient != null) {
      double[] x = transposed(read(input), n, in);
      write(weightGradient, product(x, dy, in, n, out, rounding));
    }
    if (biasGradient != null) {
      var db = new double[out];
      for (int i = 0; i < dy.length; i++) {
        db[i % out] += dy[i];
      }
      write(biasGradient, db);
    }
  }

  @Override
  public void linearCrossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    int[] ids = targets.toIntVector();
    var loss = new double[ids.length];
    var sums = new double[ids.length];
    ReferenceLinear.crossEntropy(logits(precision, hidden, weight), ids, loss, sums);
    write(losses, loss);
    write(logSumExp, sums);
  }

  @Override
  public void linearCrossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    double[] logits = logits(precision, hidden, weight);
    ReferenceLinear.crossEntropyGradient(
        logits, targets.toIntVector(), read(logSumExp), read(lossGradients));
    int n = (int) hidden.size(0);
    int channels = (int) hidden.size(1);
    int vocabulary = (int) weight.size(1);
    var rounding = Rounding.of(precision, hidden.dataType());
    double[] w = transposed(read(weight), channels, vocabulary);
    write(hiddenGradient, product(logits, w, n, vocabulary, channels, rounding));
    if (weightGradient != null) {
      double[] h = transposed(read(hidden), n, channels);
      write(weightGradient, product(h, logits, channels, n, vocabulary, rounding));
    }
  }

  private static double[] logits(Precision precision, INDArray hidden, INDArray weight) {
    return product(
        read(hidden),
        read(weight),
        (int) hidden.size(0),
        (int) hidden.size(1),
        (int) weight.size(1),
        Rounding.of(precision, hidden.dataType()));
  }

  @Override
  public void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    double[] p = read(parameters);
    double[] g = read(gradients);
    double[] m = read(firstMoment);
    double[] v = read(secondMoment);
    for (int i = 0; i < p.length; i++) {
      double gradient = g[i] * step.gradientScale();
      m[i] = step.beta1() * m[i] + (1 - step.beta1()) * gradient;
      v[i] = step.beta2() * v[i] + (1 - step.beta2()) * gradient * gradient;
      double mean = m[i] / step.firstCorrection();
      double root = Math.sqrt(v[i] / step.secondCorrection()) + step.epsilon();
      p[i] -= step.learningRate() * (step.weightDecay() * p[i] + mean / root);
    }
    write(parameters, p);
    write(firstMoment, m);
    write(secondMoment, v);
  }

  @Override
  public double sumOfSquares(INDArray array) {
    return Arrays.stream(read(array)).map(x -> x * x).sum();
  }

  private static int size(INDArray array, int b) {
    return (int) row(array, b).length();
  }

  /** The array at one index of its first dimension; slice() would fail on some views in M2.1. */
  private static INDArray row(INDArray array, int b) {
    int[] others = new int[array.rank() - 1];
    Arrays.setAll(others, i -> i + 1);
    return array.tensorAlongDimension(b, others);
  }

  private static double[] read(INDArray array) {
    return array.dup('c').data().asDouble();
  }

  private static void write(INDArray array, double[] values) {
    array.assign(Nd4j.createFromArray(values).reshape('c', array.shape()));
  }

  @Override
  public String toString() {
    return description();
  }
}
