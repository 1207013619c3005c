package io.anchor4j.kernel.cuda;

import com.sun.jna.Library;

/**
 * The calls of cuBLAS that are in use, by their names in {@code libcublas.so}. Every call returns a
 * status, 0 for success.
 *
 * @see <a href="https://docs.nvidia.com/cuda/cublas/">cuBLAS</a>
 */
interface Cublas extends Library {
  int AS_IT_LIES = 0;
  int TRANSPOSED = 1;

  /** Products and sums in float32, without TF32. */
  int COMPUTE_32F = 68;

  int COMPUTE_64F = 70;

  int DEFAULT_ALGORITHM = -1;

  int cublasCreate_v2(long[] handle);

  int cublasDestroy_v2(long handle);

  int cublasSetStream_v2(long handle, long stream);

  /**
   * Computes {@code c = alpha op(a) op(b) + beta c} on column-major matrices.
   *
   * @param alpha float or, for {@link #COMPUTE_64F}, double: the 8 bytes hold either
   * @param beta as alpha
   */
  int cublasGemmEx(
      long handle,
      int operationA,
      int operationB,
      int m,
      int n,
      int k,
      byte[] alpha,
      long a,
      int typeA,
      int leadingA,
      long b,
      int typeB,
      int leadingB,
      byte[] beta,
      long c,
      int typeC,
      int leadingC,
      int computeType,
      int algorithm);
}
