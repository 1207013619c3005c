package io.anchor4j.kernel.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Matrix products by cuBLAS, accumulated in float32, or in float64 for float64. */
final class MatrixProducts implements AutoCloseable {
  private final Cublas cublas;
  private final long handle;

  MatrixProducts(Cublas cublas) {
    this.cublas = cublas;
    var out = new long[1];
    check("starting", cublas.cublasCreate_v2(out));
    handle = out[0];
  }

  /**
   * Launches {@code result = a b}, or {@code result += a b}.
   *
   * @param result not transposed
   */
  synchronized void multiply(Matrix a, Matrix b, Matrix result, boolean add, long stream) {
    boolean wide = a.type() == ElementType.FLOAT64;
    check("its stream", cublas.cublasSetStream_v2(handle, stream));
    // cuBLAS is column-major: what it sees of row-major matrices is their transposes, and
    // (a b)^T = b^T a^T.
    check(
        "a product of %dx%d by %dx%d".formatted(a.rows(), a.columns(), b.rows(), b.columns()),
        cublas.cublasGemmEx(
            handle,
            b.transposed() ? Cublas.TRANSPOSED : Cublas.AS_IT_LIES,
            a.transposed() ? Cublas.TRANSPOSED : Cublas.AS_IT_LIES,
            Math.toIntExact(b.columns()),
            Math.toIntExact(a.rows()),
            Math.toIntExact(a.columns()),
            scalar(1, wide),
            b.address(),
            b.type().cudaDataType,
            Math.toIntExact(b.leading()),
            a.address(),
            a.type().cudaDataType,
            Math.toIntExact(a.leading()),
            scalar(add ? 1 : 0, wide),
            result.address(),
            result.type().cudaDataType,
            Math.toIntExact(result.leading()),
            wide ? Cublas.COMPUTE_64F : Cublas.COMPUTE_32F,
            Cublas.DEFAULT_ALGORITHM));
  }

  private static byte[] scalar(double value, boolean wide) {
    ByteBuffer bytes = ByteBuffer.allocate(Double.BYTES).order(ByteOrder.nativeOrder());
    return (wide ? bytes.putDouble(value) : bytes.putFloat((float) value)).array();
  }

  private static void check(String what, int status) {
    if (status == 3) {
      throw new OutOfMemoryError("cuBLAS, " + what + ": the GPU has no memory left");
    }
    if (status != 0) {
      throw new CudaException("cuBLAS, " + what + ": status " + status);
    }
  }

  @Override
  public void close() {
    check("ending", cublas.cublasDestroy_v2(handle));
  }
}
