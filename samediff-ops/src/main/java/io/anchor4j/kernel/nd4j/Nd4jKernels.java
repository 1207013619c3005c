package io.anchor4j.kernel.nd4j;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import java.util.List;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Kernels on ND4J's own ops, blockwise: any backend, extra memory linear in T. */
public final class Nd4jKernels implements KernelProvider {
  /** Elements of a flat vector treated at once: temporaries stay in the cache. */
  private static final int FLAT_CHUNK = 1 << 18;

  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public void attention(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    for (int b = 0; b < arguments.shapes().batch(); b++) {
      if (BlockwiseAttention.seesNothing(arguments, b)) {
        Views.first(output, b).assign(0);
        Views.first(logSumExp, b).assign(Double.NEGATIVE_INFINITY);
        continue;
      }
      try (var scratch = Scratch.ofCall()) {
        new BlockwiseAttention(arguments, b)
            .forward(Views.first(output, b), Views.first(logSumExp, b));
      }
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
      if (BlockwiseAttention.seesNothing(arguments, b)) {
        for (INDArray gradient : List.of(queryGradient, keyGradient, valueGradient)) {
          Views.first(gradient, b).assign(0);
        }
        continue;
      }
      try (var scratch = Scratch.ofCall()) {
        new BlockwiseAttention(arguments, b)
            .backward(
                Views.first(output, b),
                Views.first(logSumExp, b),
                Views.first(outputGradient, b),
                Views.first(queryGradient, b),
                Views.first(keyGradient, b),
                Views.first(valueGradient, b));
      }
    }
  }

  @Override
  public void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    int headDim = (int) heads.size(3);
    for (int b = 0; b < heads.size(0); b++) {
      try (var scratch = Scratch.ofCall()) {
        int[] row = Views.first(positions, b).toIntVector();
        INDArray source = Views.first(heads, b);
        DataType type = Scratch.computeType(heads.dataType());
        INDArray turned = Scratch.uninitialized(type, source.shape()).assign(source);
        new RotaryTable(
                config.pairing(),
                RotaryAngles.of(config, row, headDim),
                RotaryTable.inOrder(row.length),
                1,
                headDim)
            .apply(turned, inverse);
        Views.first(rotated, b).assign(turned);
      }
    }
  }

  @Override
  public void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    try (var scratch = Scratch.ofCall()) {
      INDArray x = rows(input, gain.length());
      INDArray normed = x.mul(inverseRms(x, epsilon)).muli(row(gain, x.dataType()));
      output.assign(normed.reshape('c', output.shape()));
    }
  }

  @Override
  public void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    try (var scratch = Scratch.ofCall()) {
      INDArray x = rows(input, gain.length());
      INDArray dy = rows(outputGradient, gain.length());
      INDArray inverse = inverseRms(x, epsilon);
      INDArray unit = x.mul(inverse);
      if (gainGradient != null) {
        gainGradient.assign(dy.mul(unit).sum(0).reshape('c', gainGradient.shape()));
      }
      // dx = inverse * (g - unit * mean(g * unit)), g = dy * gain
      INDArray g = dy.mul(row(gain, x.dataType()));
      INDArray projection = g.mul(unit).mean(true, 1);
      INDArray dx = g.subi(unit.muli(projection)).muli(inverse);
      inputGradient.assign(dx.reshape('c', inputGradient.shape()));
    }
  }

  private static INDArray inverseRms(INDArray x, double epsilon) {
    INDArray meanSquare = x.mul(x).mean(true, 1);
    return Transforms.sqrt(meanSquare.addi(epsilon), false).rdivi(1);
  }

  @Override
  public void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    try (var scratch = Scratch.ofCall()) {
      INDArray g = rows(gate, gate.size(-1));
      INDArray silu = Transforms.sigmoid(g, true).muli(g);
      output.assign(silu.muli(rows(up, up.size(-1))).reshape('c', output.shape()));
    }
  }

  @Override
  public void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    try (var scratch = Scratch.ofCall()) {
      INDArray g = rows(gate, gate.size(-1));
      INDArray dy = rows(outputGradient, gate.size(-1));
      INDArray sigmoid = Transforms.sigmoid(g, true);
      INDArray silu = sigmoid.mul(g);
      upGradient.assign(silu.mul(dy).reshape('c', upGradient.shape()));
      // silu' = sigmoid + silu (1 - sigmoid)
      INDArray slope = silu.muli(sigmoid.rsub(1)).addi(sigmoid);
      slope.muli(dy).muli(rows(up, up.size(-1)));
      gateGradient.assign(slope.reshape('c', gateGradient.shape()));
    }
  }

  @Override
  public void linear(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    try (var scratch = Scratch.ofCall()) {
      INDArray x = Products.operand(rows(input, weight.size(0)), precision);
      INDArray w = Products.operand(weight.castTo(x.dataType()), precision);
      product(
          x.size(0),
          output,
          x.dataType(),
          y -> {
            Products.gemm(x, false, w, false, y, 1, 0);
            if (bias != null) {
              y.addi(row(bias, x.dataType()));
            }
          });
    }
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
    try (var scratch = Scratch.ofCall()) {
      INDArray x = Products.operand(rows(input, weight.size(0)), precision);
      INDArray w = Products.operand(weight.castTo(x.dataType()), precision);
      INDArray exact = rows(outputGradient, weight.size(1));
      INDArray dy = Products.operand(exact, precision);
      DataType type = x.dataType();
      product(x.size(0), inputGradient, type, dx -> Products.gemm(dy, false, w, true, dx, 1, 0));
      if (weightGradient != null) {
        product(w.size(0), weightGradient, type, dw -> Products.gemm(x, true, dy, false, dw, 1, 0));
      }
      if (biasGradient != null) {
        biasGradient.assign(exact.sum(0).reshape('c', biasGradient.shape()));
      }
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
    try (var scratch = Scratch.ofCall()) {
      new ChunkedCrossEntropy(precision, hidden, weight, targets).forward(losses, logSumExp);
    }
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
    try (var scratch = Scratch.ofCall()) {
      new ChunkedCrossEntropy(precision, hidden, weight, targets)
          .backward(logSumExp, lossGradients, hiddenGradient, weightGradient);
    }
  }

  @Override
  public void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    for (long start = 0; start < parameters.length(); start += FLAT_CHUNK) {
      try (var scratch = Scratch.ofCall()) {
        INDArray p = chunk(parameters, start);
        INDArray g = chunk(gradients, start).mul(step.gradientScale());
        INDArray m = chunk(firstMoment, start);
        INDArray v = chunk(secondMoment, start);
        m.muli(step.beta1()).addi(g.mul(1 - step.beta1()));
        v.muli(step.beta2()).addi(g.muli(g).muli(1 - step.beta2()));
        INDArray root = Transforms.sqrt(v.div(step.secondCorrection()), false);
        INDArray update = m.div(root.addi(step.epsilon()));
        p.muli(1 - step.learningRate() * step.weightDecay());
        p.subi(update.muli(step.learningRate() / step.firstCorrection()));
      }
    }
  }

  @Override
  public double sumOfSquares(INDArray array) {
    INDArray flat = array.reshape(-1);
    double sum = 0;
    for (long start = 0; start < flat.length(); start += FLAT_CHUNK) {
      for (double x : chunk(flat, start).toDoubleVector()) {
        sum += x * x;
      }
    }
    return sum;
  }

  /** Part of a flat vector, whatever its stride, as a view. */
  private static INDArray chunk(INDArray flat, long start) {
    long length = Math.min(FLAT_CHUNK, flat.length() - start);
    long stride = flat.rank() == 1 ? flat.stride(0) : flat.stride(flat.size(0) == 1 ? 1 : 0);
    return Views.of(flat, start * stride, new long[] {length}, new long[] {stride}, 'c');
  }

  /** The array as contiguous rows in the type computed in; a copy only where it is neither. */
  private static INDArray rows(INDArray array, long columns) {
    return array
        .castTo(Scratch.computeType(array.dataType()))
        .reshape('c', array.length() / columns, columns);
  }

  private static INDArray row(INDArray vector, DataType type) {
    return vector.castTo(type).reshape('c', 1, vector.length());
  }

  /** Has {@code write} fill {@code result}, seen as a matrix where it can be, else by a copy. */
  private static void product(long rows, INDArray result, DataType type, Consumer<INDArray> write) {
    long columns = result.length() / rows;
    if (result.dataType() == type && result.rank() == 2) {
      write.accept(result);
    } else if (result.dataType() == type && isContiguous(result)) {
      write.accept(Views.rows(result, 0, rows, columns));
    } else {
      INDArray copy = Scratch.uninitialized(type, rows, columns);
      write.accept(copy);
      result.assign(copy.reshape('c', result.shape()));
    }
  }

  private static boolean isContiguous(INDArray array) {
    long expected = 1;
    for (int i = array.rank() - 1; i >= 0; i--) {
      if (array.size(i) != 1 && array.stride(i) != expected) {
        return false;
      }
      expected *= array.size(i);
    }
    return true;
  }

  @Override
  public String toString() {
    return description();
  }
}
