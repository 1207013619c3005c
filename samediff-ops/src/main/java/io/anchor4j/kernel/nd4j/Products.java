package io.anchor4j.kernel.nd4j;

import io.anchor4j.attention.Precision;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Matrix products, written where they belong.
 *
 * <p>ND4J's gemm writes column-major results only; a row-major one is the same memory read as the
 * transposed product. (INDArray.mmul into a row-major array takes 2.4 times as long: it copies.)
 */
final class Products {
  private Products() {}

  /**
   * Computes {@code c = alpha op(a) op(b) + beta c}; op is transposition where asked for.
   *
   * @param c a matrix with any strides, of the type of {@code a} and {@code b}
   */
  static void gemm(
      INDArray a,
      boolean transposeA,
      INDArray b,
      boolean transposeB,
      INDArray c,
      double alpha,
      double beta) {
    if (isColumnMajor(c)) {
      Nd4j.gemm(a, b, c, transposeA, transposeB, alpha, beta);
    } else if (isColumnMajor(c.transpose())) {
      INDArray turned = Views.columns(c, 0, c.size(0), c.size(1));
      Nd4j.gemm(b, a, turned, !transposeB, !transposeA, alpha, beta);
    } else {
      INDArray copy = Nd4j.createUninitialized(c.dataType(), c.shape(), 'f');
      if (beta != 0) {
        copy.assign(c);
      }
      Nd4j.gemm(a, b, copy, transposeA, transposeB, alpha, beta);
      c.assign(copy);
    }
  }

  private static boolean isColumnMajor(INDArray c) {
    return c.ordering() == 'f' && Shape.hasDefaultStridesForShape(c);
  }

  /**
   * Returns {@code array} as an operand: in the type computed in, rounded if the precision says so.
   * A copy only where one of the two is needed.
   */
  static INDArray operand(INDArray array, Precision precision) {
    INDArray operand = array.castTo(Scratch.computeType(array.dataType()));
    return rounds(precision, operand.dataType())
        ? operand.castTo(DataType.BFLOAT16).castTo(DataType.FLOAT)
        : operand;
  }

  /** Rounds the operand of a product other than attention's scores, in place. */
  static void round(INDArray operand, Precision precision) {
    if (rounds(precision, operand.dataType())) {
      operand.assign(operand.castTo(DataType.BFLOAT16));
    }
  }

  static boolean rounds(Precision precision, DataType type) {
    return precision != Precision.FLOAT32 && type != DataType.DOUBLE;
  }
}
