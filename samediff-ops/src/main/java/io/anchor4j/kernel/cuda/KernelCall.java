package io.anchor4j.kernel.cuda;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.primitives.ImmutableLongArray;
import com.sun.jna.Memory;
import io.anchor4j.kernel.cuda.DeviceArrays.Placed;
import io.anchor4j.kernel.cuda.KernelFunction.Grid;
import io.anchor4j.kernel.cuda.KernelParameters.Array;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;

/** One call of a provider on the GPU: its arrays, its scratch, its launches. */
final class KernelCall implements AutoCloseable {
  private static final int RANK = 4;

  /** Threads of a block that goes over elements, and the most such blocks. */
  private static final int THREADS = 256;

  private static final int MAX_BLOCKS = 65_536;

  private final CudaDevice device;
  private final DeviceArrays.Call arrays;
  private final List<Long> scratch = new ArrayList<>();
  private final List<Object> reachable = new ArrayList<>();

  KernelCall(CudaDevice device, DeviceArrays arrays) {
    checkArgument(
        arrays.device() == device.ordinal(),
        "the arrays of this thread are on GPU %s; the cuda kernels compute on %s",
        arrays.device(),
        device);
    this.device = device;
    device.makeCurrent();
    this.arrays = arrays.open();
  }

  long stream() {
    return arrays.stream();
  }

  /** Returns {@link KernelParameters#NONE} for null. */
  Array read(INDArray array) {
    return array == null ? KernelParameters.NONE : described(array, arrays.read(checked(array)));
  }

  /** Returns {@link KernelParameters#NONE} for null. */
  Array write(INDArray array) {
    return array == null ? KernelParameters.NONE : described(array, arrays.write(checked(array)));
  }

  Array update(INDArray array) {
    return described(array, arrays.update(checked(array)));
  }

  private static INDArray checked(INDArray array) {
    if (array.rank() > RANK) {
      throw new UnsupportedOperationException(
          "the cuda kernels take arrays of at most %d dimensions, got %s"
              .formatted(RANK, Arrays.toString(array.shape())));
    }
    return array;
  }

  private static Array described(INDArray array, Placed placed) {
    var strides = new long[RANK];
    int missing = RANK - array.rank();
    for (int axis = 0; axis < array.rank(); axis++) {
      strides[missing + axis] = placed.strides().get(axis);
    }
    return new Array(
        placed.address(),
        ImmutableLongArray.copyOf(strides),
        ElementType.of(array.dataType()).code,
        0);
  }

  /** The shape beside {@link Array#stride}: sizes of the last four dimensions, 1 for missing. */
  static ImmutableLongArray shape(INDArray array) {
    var shape = new long[RANK];
    Arrays.fill(shape, 1);
    System.arraycopy(array.shape(), 0, shape, RANK - array.rank(), array.rank());
    return ImmutableLongArray.copyOf(shape);
  }

  /** Returns the address of row-major INT32 numbers. */
  long integers(INDArray array) {
    INDArray numbers = array.dataType() == DataType.INT32 ? array : array.castTo(DataType.INT32);
    boolean rowMajor = Shape.hasDefaultStridesForShape(numbers);
    INDArray dense = rowMajor ? numbers : numbers.dup('c');
    reachable.add(dense);
    return arrays.read(dense).address();
  }

  /** Returns bytes for this call alone, holding anything. */
  long scratch(String what, long bytes) {
    long address = device.allocate(what, bytes, stream());
    scratch.add(address);
    return address;
  }

  /** Returns a row-major matrix in scratch. */
  Matrix scratchMatrix(String what, ElementType type, long rows, long columns) {
    return new Matrix(
        scratch(what, rows * columns * type.bytes), type, rows, columns, columns, false);
  }

  /** Returns the address of a copy of the numbers on the GPU. */
  long upload(String what, ElementType type, double[] numbers) {
    var host = new Memory((long) numbers.length * type.bytes);
    for (int i = 0; i < numbers.length; i++) {
      if (type == ElementType.FLOAT64) {
        host.setDouble(8L * i, numbers[i]);
      } else {
        host.setFloat(4L * i, (float) numbers[i]);
      }
    }
    long address = scratch(what, host.size());
    // Memory that is not locked to its pages was read when this returns.
    device.upload(address, host, host.size(), stream());
    return address;
  }

  /** Waits for what was launched and returns a number that it left. */
  double download(long address) {
    var host = new Memory(Double.BYTES);
    device.download(host, address, Double.BYTES, stream());
    device.await("the kernels of a call", stream());
    return host.getDouble(0);
  }

  void clear(long address, long bytes) {
    device.clear(address, bytes, stream());
  }

  void launch(KernelFunction function, Grid grid, Record parameters) {
    function.launch(grid, parameters, stream());
  }

  /** Launches a kernel that goes over elements in steps of the grid. */
  void launchOver(KernelFunction function, long elements, Record parameters) {
    long blocks = Math.min(ceilDiv(elements, THREADS), MAX_BLOCKS);
    launch(function, new Grid((int) blocks, 1, 1, THREADS, 0), parameters);
  }

  /** Launches a kernel on that many blocks in one dimension. */
  void launchBlocks(KernelFunction function, long blocks, Record parameters) {
    launch(function, new Grid(Math.toIntExact(blocks), 1, 1, THREADS, 0), parameters);
  }

  static long ceilDiv(long x, long n) {
    return (x + n - 1) / n;
  }

  /** Tells that all was launched. */
  void finish() {
    arrays.finish();
  }

  @Override
  public void close() {
    try {
      for (long address : scratch) {
        device.free(address, stream());
      }
    } finally {
      arrays.close();
      Reference.reachabilityFence(reachable);
    }
  }
}
