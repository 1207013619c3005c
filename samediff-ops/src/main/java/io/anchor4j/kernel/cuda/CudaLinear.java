package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.cuda.KernelParameters.Array;
import io.anchor4j.kernel.cuda.KernelParameters.ColumnSums;
import io.anchor4j.kernel.cuda.KernelParameters.Convert;
import io.anchor4j.kernel.cuda.KernelParameters.SumParts;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Linear layers: operands converted on the GPU where they must be, products by cuBLAS. */
final class CudaLinear {
  private final CudaDevice device;
  private final DeviceArrays arrays;
  private final CompiledKernels kernels;
  private final MatrixProducts products;

  CudaLinear(
      CudaDevice device, DeviceArrays arrays, CompiledKernels kernels, MatrixProducts products) {
    this.device = device;
    this.arrays = arrays;
    this.kernels = kernels;
    this.products = products;
  }

  void forward(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    try (var call = new KernelCall(device, arrays)) {
      ElementType type = operandType(input, precision);
      Matrix x = operand(call, type, call.read(input), input);
      Matrix w = operand(call, type, call.read(weight), weight);
      var result = new Result(call, call.write(output), output, x.type());
      if (bias != null) {
        Array row = call.read(bias);
        spread(call, row, bias, result.matrix());
      }
      products.multiply(x, w, result.matrix(), bias != null, call.stream());
      result.store();
      call.finish();
    }
  }

  void backward(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    try (var call = new KernelCall(device, arrays)) {
      ElementType type = operandType(input, precision);
      Array slopes = call.read(outputGradient);
      Matrix dy = operand(call, type, slopes, outputGradient);
      Matrix w = operand(call, type, call.read(weight), weight);
      var dx = new Result(call, call.write(inputGradient), inputGradient, dy.type());
      products.multiply(dy, w.turned(), dx.matrix(), false, call.stream());
      dx.store();
      if (weightGradient != null) {
        Matrix x = operand(call, type, call.read(input), input);
        var dw = new Result(call, call.write(weightGradient), weightGradient, dy.type());
        products.multiply(x.turned(), dy, dw.matrix(), false, call.stream());
        dw.store();
      }
      if (biasGradient != null) {
        sumColumns(call, slopes, outputGradient, call.write(biasGradient));
      }
      call.finish();
    }
  }

  /** Adds up rows in parts whose number depends on the shape alone. */
  private void sumColumns(KernelCall call, Array rows, INDArray shaped, Array sums) {
    KernelModule module = kernels.module("companions.cu");
    long columns = shaped.size(-1);
    long count = shaped.length() / columns;
    var parts = RowParts.of(count);
    ElementType wide = ElementType.of(shaped.dataType()).wide();
    long scratch = call.scratch("sums of parts", parts.count() * columns * wide.bytes);
    call.launchBlocks(
        module.function("column_sums"),
        KernelCall.ceilDiv(columns, 256) * parts.count(),
        new ColumnSums(rows, scratch, KernelCall.shape(shaped), parts.rows()));
    call.launchBlocks(
        module.function("sum_parts"),
        KernelCall.ceilDiv(columns, 256),
        new SumParts(sums, scratch, columns, parts.count(), wide.code, 0));
  }

  /** Copies a bias to every row. */
  private void spread(KernelCall call, Array bias, INDArray shaped, Matrix rows) {
    // Of [out] or [1, out]: elements of a vector are as far apart as its longest axis says.
    long stride = bias.stride().get(3);
    var row = new Array(bias.data(), ImmutableLongArray.of(0, 0, 0, stride), bias.type(), 0);
    convert(call, row, rows.array(), ImmutableLongArray.of(1, 1, rows.rows(), shaped.length()));
  }

  private void convert(KernelCall call, Array from, Array to, ImmutableLongArray shape) {
    long elements = 1;
    for (int i = 0; i < shape.length(); i++) {
      elements *= shape.get(i);
    }
    call.launchOver(
        kernels.module("companions.cu").function("convert"),
        elements,
        new Convert(from, to, shape));
  }

  /** The type that products take their operands in, whatever the weight's is. */
  static ElementType operandType(INDArray activations, Precision precision) {
    if (ElementType.of(activations.dataType()) == ElementType.FLOAT64) {
      return ElementType.FLOAT64;
    }
    return precision == Precision.FLOAT32 ? ElementType.FLOAT32 : ElementType.BFLOAT16;
  }

  /** Returns [..., columns] as a matrix of that type, in place where it is one already. */
  Matrix operand(KernelCall call, ElementType type, Array placed, INDArray array) {
    Matrix lying = inPlace(placed, array);
    if (lying != null && lying.type() == type) {
      return lying;
    }
    long columns = array.size(-1);
    Matrix converted = call.scratchMatrix("an operand", type, array.length() / columns, columns);
    convert(call, placed, rowMajor(converted, array), KernelCall.shape(array));
    return converted;
  }

  /** A row-major matrix as an array of the shape of {@code array}. */
  private static Array rowMajor(Matrix matrix, INDArray array) {
    ImmutableLongArray shape = KernelCall.shape(array);
    var strides = new long[4];
    long stride = 1;
    for (int i = 3; i >= 0; i--) {
      strides[i] = stride;
      stride *= shape.get(i);
    }
    return new Array(matrix.address(), ImmutableLongArray.copyOf(strides), matrix.type().code, 0);
  }

  /** Returns null if the strides of [..., columns] are not those of a matrix. */
  private static Matrix inPlace(Array placed, INDArray array) {
    ImmutableLongArray shape = KernelCall.shape(array);
    ImmutableLongArray stride = placed.stride();
    long columns = shape.get(3);
    long rows = array.length() / columns;
    // The leading dimensions must be one: from one row to the next, always as far.
    long step = 0;
    long expected = 0;
    for (int i = 2; i >= 0; i--) {
      if (shape.get(i) > 1) {
        if (step == 0) {
          step = stride.get(i);
        } else if (stride.get(i) != expected) {
          return null;
        }
        expected = stride.get(i) * shape.get(i);
      }
    }
    ElementType type = ElementType.of(array.dataType());
    boolean besideInRow = columns == 1 || stride.get(3) == 1;
    if (besideInRow && (rows == 1 || step >= columns)) {
      return new Matrix(placed.data(), type, rows, columns, Math.max(step, columns), false);
    }
    if ((rows == 1 || step == 1) && stride.get(3) >= rows) {
      return new Matrix(placed.data(), type, rows, columns, stride.get(3), true);
    }
    return null;
  }

  /** Converts a row-major matrix into an array of as many elements. */
  void store(KernelCall call, Matrix matrix, Array target, INDArray array) {
    convert(call, rowMajor(matrix, array), target, KernelCall.shape(array));
  }

  /** Where a product goes: its array, or scratch if cuBLAS cannot write that. */
  final class Result {
    private final KernelCall call;
    private final Array target;
    private final INDArray array;
    private final Matrix matrix;
    private final boolean stored;

    Result(KernelCall call, Array target, INDArray array, ElementType operands) {
      this.call = call;
      this.target = target;
      this.array = array;
      Matrix lying = inPlace(target, array);
      stored = lying != null && !lying.transposed() && writes(operands, lying.type());
      long columns = array.size(-1);
      matrix =
          stored
              ? lying
              : call.scratchMatrix("a product", operands.wide(), array.length() / columns, columns);
    }

    private static boolean writes(ElementType operands, ElementType result) {
      return result == operands.wide()
          || (operands == ElementType.BFLOAT16 && result == ElementType.BFLOAT16);
    }

    Matrix matrix() {
      return matrix;
    }

    /** Brings the product into the array. */
    void store() {
      if (!stored) {
        CudaLinear.this.store(call, matrix, target, array);
      }
    }
  }
}
