package io.anchor4j.kernel.cuda;

import com.sun.jna.Pointer;
import io.anchor4j.kernel.Bfloat16;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** cuBLAS by plain loops over the memory of {@link FakeDriver}, column-major as the real one is. */
final class FakeCublas implements Cublas {
  private static final int FLOAT = 0;
  private static final int DOUBLE = 1;
  private static final int BFLOAT16 = 14;

  int handles;

  @Override
  public int cublasCreate_v2(long[] handle) {
    handles++;
    handle[0] = 5;
    return 0;
  }

  @Override
  public int cublasDestroy_v2(long handle) {
    handles--;
    return 0;
  }

  @Override
  public int cublasSetStream_v2(long handle, long stream) {
    return 0;
  }

  @Override
  public int cublasGemmEx(
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
      int algorithm) {
    boolean fits = typeA == typeB && (typeA == BFLOAT16 ? typeC != DOUBLE : typeC == typeA);
    int rowsOfA = operationA == AS_IT_LIES ? m : k;
    int rowsOfB = operationB == AS_IT_LIES ? k : n;
    if (!fits || leadingA < rowsOfA || leadingB < rowsOfB || leadingC < m) {
      return 7; // CUBLAS_STATUS_INVALID_VALUE
    }
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < m; i++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          long atA = operationA == AS_IT_LIES ? i + (long) l * leadingA : l + (long) i * leadingA;
          long atB = operationB == AS_IT_LIES ? l + (long) j * leadingB : j + (long) l * leadingB;
          sum += load(a, typeA, atA) * load(b, typeB, atB);
        }
        long atC = i + (long) j * leadingC;
        double factor = scalar(beta, computeType);
        double before = factor == 0 ? 0 : factor * load(c, typeC, atC);
        store(c, typeC, atC, scalar(alpha, computeType) * sum + before);
      }
    }
    return 0;
  }

  private static double scalar(byte[] bytes, int computeType) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    return computeType == COMPUTE_64F ? buffer.getDouble(0) : buffer.getFloat(0);
  }

  private static double load(long address, int type, long index) {
    var memory = new Pointer(address);
    return switch (type) {
      case FLOAT -> memory.getFloat(4 * index);
      case DOUBLE -> memory.getDouble(8 * index);
      case BFLOAT16 -> Float.intBitsToFloat(memory.getShort(2 * index) << 16);
      default -> throw new AssertionError("type " + type);
    };
  }

  private static void store(long address, int type, long index, double value) {
    var memory = new Pointer(address);
    switch (type) {
      case FLOAT -> memory.setFloat(4 * index, (float) value);
      case DOUBLE -> memory.setDouble(8 * index, value);
      case BFLOAT16 ->
          memory.setShort(
              2 * index, (short) (Float.floatToRawIntBits(Bfloat16.round(value)) >> 16));
      default -> throw new AssertionError("type " + type);
    }
  }
}
