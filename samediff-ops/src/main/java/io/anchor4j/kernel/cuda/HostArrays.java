package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import com.sun.jna.Pointer;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Arrays in the processor's memory, copied to the GPU and back in each call: how kernels run beside
 * a backend of ND4J's that has no arrays on this GPU.
 */
final class HostArrays implements DeviceArrays {
  private final CudaDevice device;
  private final long stream;

  HostArrays(CudaDevice device) {
    this.device = device;
    device.makeCurrent();
    stream = device.newStream();
  }

  @Override
  public int device() {
    return device.ordinal();
  }

  @Override
  public Call open() {
    return new Copies();
  }

  /** Returns whether the elements are one block of memory in some order of the dimensions. */
  static boolean isDense(INDArray array) {
    List<Integer> axes =
        IntStream.range(0, array.rank())
            .boxed()
            .filter(axis -> array.size(axis) > 1)
            .sorted(Comparator.comparing(array::stride))
            .toList();
    long expected = 1;
    for (int axis : axes) {
      if (array.stride(axis) != expected) {
        return false;
      }
      expected *= array.size(axis);
    }
    return true;
  }

  private final class Copies implements Call {
    /**
     * An array on both sides.
     *
     * @param dense the array itself, or where it is not dense a copy of it
     */
    private record Copy(INDArray array, INDArray dense, long address) {
      Pointer host() {
        DataBuffer data = dense.data();
        return new Pointer(data.address() + dense.offset() * data.getElementSize());
      }

      long bytes() {
        return dense.length() * dense.data().getElementSize();
      }

      Placed placed() {
        return new Placed(address, ImmutableLongArray.copyOf(dense.stride()));
      }
    }

    private final List<Copy> copies = new ArrayList<>();
    private final List<Copy> written = new ArrayList<>();

    @Override
    public long stream() {
      return stream;
    }

    @Override
    public Placed read(INDArray array) {
      Copy copy = copy(array);
      device.upload(copy.address(), copy.host(), copy.bytes(), stream);
      return copy.placed();
    }

    @Override
    public Placed write(INDArray array) {
      Copy copy = copy(array);
      written.add(copy);
      return copy.placed();
    }

    @Override
    public Placed update(INDArray array) {
      Placed placed = read(array);
      written.add(copies.get(copies.size() - 1));
      return placed;
    }

    private Copy copy(INDArray array) {
      INDArray dense = isDense(array) ? array : array.dup('c');
      long bytes = dense.length() * dense.data().getElementSize();
      var copy = new Copy(array, dense, device.allocate("an array of the call", bytes, stream));
      copies.add(copy);
      return copy;
    }

    @Override
    public void finish() {
      for (Copy copy : written) {
        device.download(copy.host(), copy.address(), copy.bytes(), stream);
      }
      device.await("the kernels of a call", stream);
      for (Copy copy : written) {
        if (copy.dense() != copy.array()) {
          copy.array().assign(copy.dense());
        }
      }
    }

    @Override
    public void close() {
      try {
        for (Copy copy : copies) {
          device.free(copy.address(), stream);
        }
      } finally {
        // ND4J frees the memory of arrays that nobody refers to, even while it is being copied.
        Reference.reachabilityFence(copies);
      }
    }
  }
}
