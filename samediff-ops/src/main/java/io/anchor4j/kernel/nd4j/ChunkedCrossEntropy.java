package io.anchor4j.kernel.nd4j;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.KernelProvider;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Cross-entropy of hidden [N, C] times weight [C, V], some rows of logits at a time. */
final class ChunkedCrossEntropy {
  /** Logits held at once: 64 MiB in float, 128 rows of a vocabulary of 128K. */
  private static final long LOGITS = 1 << 24;

  private final Precision precision;
  private final INDArray hidden;
  private final INDArray weight;
  private final int[] targets;
  private final DataType type;

  ChunkedCrossEntropy(Precision precision, INDArray hidden, INDArray weight, INDArray targets) {
    this.precision = precision;
    this.hidden = Products.operand(rowMajor(hidden), precision);
    this.type = this.hidden.dataType();
    this.weight = Products.operand(weight.castTo(type), precision);
    this.targets = targets.toIntVector();
  }

  private static INDArray rowMajor(INDArray matrix) {
    return matrix.ordering() == 'c' && matrix.stride(1) == 1 && matrix.stride(0) == matrix.size(1)
        ? matrix
        : matrix.dup('c');
  }

  /** Fills losses and logSumExp [N]. */
  void forward(INDArray losses, INDArray logSumExp) {
    var loss = new double[targets.length];
    var sums = new double[targets.length];
    forEachChunk(
        (start, rows) -> {
          INDArray logits = logits(start, rows);
          var targetLogits = new double[rows];
          for (int i = 0; i < rows; i++) {
            if (counts(start + i)) {
              targetLogits[i] = logits.getDouble(i, targets[start + i]);
            }
          }
          INDArray max = logits.max(true, 1);
          INDArray sum = rowSums(Transforms.exp(logits.subi(max), false));
          double[] total = Transforms.log(sum, false).addi(max).data().asDouble();
          for (int i = 0; i < rows; i++) {
            boolean counts = counts(start + i);
            sums[start + i] = counts ? total[i] : 0;
            loss[start + i] = counts ? total[i] - targetLogits[i] : 0;
          }
        });
    losses.assign(Scratch.of(type, loss, losses.shape()));
    logSumExp.assign(Scratch.of(type, sums, logSumExp.shape()));
  }

  /** Fills the gradients of hidden [N, C] and, unless it is null, weight [C, V]. */
  void backward(
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    INDArray sums = logSumExp.castTo(type).dup('c');
    double[] scales = lossGradients.dup('c').data().asDouble();
    for (int n = 0; n < scales.length; n++) {
      scales[n] = counts(n) ? scales[n] : 0;
    }
    long channels = hidden.size(1);
    INDArray hiddenResult = Scratch.uninitialized(type, targets.length, channels);
    // Where the caller's array can be written to by gemm, it is the accumulator itself.
    INDArray weightResult =
        weightGradient == null || weightGradient.dataType() == type
            ? weightGradient
            : Scratch.uninitialized(type, weightGradient.shape());
    forEachChunk(
        (start, rows) -> {
          INDArray slopes = logits(start, rows);
          Transforms.exp(slopes.subi(Views.rows(sums, start, rows, 1)), false);
          var scale = new double[rows];
          System.arraycopy(scales, start, scale, 0, rows);
          slopes.muli(Scratch.of(type, scale, rows, 1));
          for (int i = 0; i < rows; i++) {
            if (counts(start + i)) {
              int target = targets[start + i];
              slopes.putScalar(i, target, slopes.getDouble(i, target) - scale[i]);
            }
          }
          Products.round(slopes, precision);
          Products.gemm(
              slopes,
              false,
              weight,
              true,
              Views.rows(hiddenResult, start * channels, rows, channels),
              1,
              0);
          if (weightResult != null) {
            Products.gemm(
                hiddenRows(start, rows), true, slopes, false, weightResult, 1, start == 0 ? 0 : 1);
          }
        });
    hiddenGradient.assign(hiddenResult);
    if (weightResult != weightGradient) {
      weightGradient.assign(weightResult);
    }
  }

  /**
   * A product with ones: ND4J's own sum adds float after float, losing digits over a vocabulary.
   */
  private INDArray rowSums(INDArray matrix) {
    INDArray ones = Scratch.uninitialized(type, matrix.size(1), 1).assign(1);
    INDArray sums = Scratch.uninitialized(type, matrix.size(0), 1);
    Products.gemm(matrix, false, ones, false, sums, 1, 0);
    return sums;
  }

  private boolean counts(int row) {
    return targets[row] != KernelProvider.IGNORED_TARGET;
  }

  private INDArray hiddenRows(int start, int rows) {
    return Views.rows(hidden, start * hidden.size(1), rows, hidden.size(1));
  }

  private INDArray logits(int start, int rows) {
    INDArray logits = Scratch.uninitialized(type, rows, weight.size(1));
    Products.gemm(hiddenRows(start, rows), false, weight, false, logits, 1, 0);
    return logits;
  }

  private interface Chunk {
    void accept(int start, int rows);
  }

  private void forEachChunk(Chunk body) {
    int rows = (int) Math.max(1, LOGITS / weight.size(1));
    for (int start = 0; start < targets.length; start += rows) {
      try (var scratch = Scratch.ofTile()) {
        body.accept(start, Math.min(rows, targets.length - start));
      }
    }
  }
}
