package io.anchor4j.kernel.cuda;

import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.cuda.KernelParameters.Array;
import io.anchor4j.kernel.cuda.KernelParameters.CrossEntropy;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The cross-entropy behind a product with the vocabulary, some columns of logits at a time.
 *
 * <p>Losses go over columns in order and keep three numbers a row; gradients compute each chunk of
 * logits again.
 */
final class CudaCrossEntropy {
  /** Logits that are held at once, forward and backward. */
  private static final long CHUNK_BYTES = 256L << 20;

  private final CudaDevice device;
  private final DeviceArrays arrays;
  private final CompiledKernels kernels;
  private final MatrixProducts products;
  private final CudaLinear linear;

  CudaCrossEntropy(
      CudaDevice device,
      DeviceArrays arrays,
      CompiledKernels kernels,
      MatrixProducts products,
      CudaLinear linear) {
    this.device = device;
    this.arrays = arrays;
    this.kernels = kernels;
    this.products = products;
    this.linear = linear;
  }

  /** What every launch of a call has in common. */
  private record Rows(
      Array losses,
      Array logSumExp,
      Array lossGradients,
      long targets,
      long maximum,
      long sum,
      long target,
      long count,
      ElementType wide) {

    CrossEntropy chunk(Matrix logits, Matrix gradient, long firstColumn) {
      return new CrossEntropy(
          logits.array(),
          gradient == null ? KernelParameters.NONE : gradient.array(),
          losses,
          logSumExp,
          lossGradients,
          targets,
          maximum,
          sum,
          target,
          count,
          firstColumn,
          logits.columns(),
          firstColumn == 0 ? 1 : 0,
          wide.code);
    }
  }

  void forward(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    try (var call = new KernelCall(device, arrays)) {
      KernelModule module = kernels.module("companions.cu");
      ElementType type = CudaLinear.operandType(hidden, precision);
      Matrix h = linear.operand(call, type, call.read(hidden), hidden);
      Matrix w = linear.operand(call, type, call.read(weight), weight);
      ElementType wide = h.type().wide();
      long n = h.rows();
      var rows =
          new Rows(
              call.write(losses),
              call.write(logSumExp),
              KernelParameters.NONE,
              call.integers(targets),
              call.scratch("maxima of rows", n * wide.bytes),
              call.scratch("sums of rows", n * wide.bytes),
              call.scratch("logits of targets", n * wide.bytes),
              n,
              wide);
      long columns = chunkColumns(n, w.columns(), wide);
      Matrix logits = call.scratchMatrix("logits", wide, n, columns);
      for (long from = 0; from < w.columns(); from += columns) {
        long count = Math.min(columns, w.columns() - from);
        Matrix chunk = logits.columns(0, count);
        products.multiply(h, w.columns(from, count), chunk, false, call.stream());
        call.launchBlocks(
            module.function("cross_entropy_statistics"), n, rows.chunk(chunk, null, from));
      }
      call.launchBlocks(
          module.function("cross_entropy_finish"),
          KernelCall.ceilDiv(n, 256),
          rows.chunk(logits, null, 0));
      call.finish();
    }
  }

  void backward(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    try (var call = new KernelCall(device, arrays)) {
      KernelModule module = kernels.module("companions.cu");
      ElementType type = CudaLinear.operandType(hidden, precision);
      Matrix h = linear.operand(call, type, call.read(hidden), hidden);
      Matrix w = linear.operand(call, type, call.read(weight), weight);
      ElementType wide = h.type().wide();
      long n = h.rows();
      var rows =
          new Rows(
              KernelParameters.NONE,
              call.read(logSumExp),
              call.read(lossGradients),
              call.integers(targets),
              0,
              0,
              0,
              n,
              wide);
      long columns = chunkColumns(n, w.columns(), wide);
      Matrix logits = call.scratchMatrix("logits", wide, n, columns);
      Matrix slopes = call.scratchMatrix("gradients of logits", h.type(), n, columns);
      // Summed over chunks, so wide whatever the array's type.
      Matrix dh = call.scratchMatrix("the gradient of hidden", wide, n, h.columns());
      CudaLinear.Result dw =
          weightGradient == null
              ? null
              : linear.new Result(call, call.write(weightGradient), weightGradient, h.type());
      for (long from = 0; from < w.columns(); from += columns) {
        long count = Math.min(columns, w.columns() - from);
        Matrix chunk = logits.columns(0, count);
        Matrix slope = slopes.columns(0, count);
        Matrix part = w.columns(from, count);
        products.multiply(h, part, chunk, false, call.stream());
        call.launchBlocks(
            module.function("cross_entropy_gradient"), n, rows.chunk(chunk, slope, from));
        products.multiply(slope, part.turned(), dh, from > 0, call.stream());
        if (dw != null) {
          products.multiply(
              h.turned(), slope, dw.matrix().columns(from, count), false, call.stream());
        }
      }
      if (dw != null) {
        dw.store();
      }
      linear.store(call, dh, call.write(hiddenGradient), hiddenGradient);
      call.finish();
    }
  }

  private static long chunkColumns(long rows, long columns, ElementType wide) {
    long most = CHUNK_BYTES / (rows * wide.bytes) / 128 * 128;
    return Math.min(columns, Math.max(128, most));
  }
}
