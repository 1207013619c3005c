package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Where ND4J keeps the arrays of this process, and how kernels on a GPU get at them. Found by
 * {@link java.util.ServiceLoader} where ND4J's backend keeps them on a GPU.
 */
public interface DeviceArrays {

  /** Returns the number of the GPU that arrays of the calling thread are on. */
  int device();

  /** Starts a call of kernels. The GPU's context is that of the calling thread. */
  Call open();

  /**
   * An array as a kernel sees it.
   *
   * @param address of its first element on the GPU
   * @param strides of its dimensions, in elements
   */
  record Placed(long address, ImmutableLongArray strides) {}

  /** The arrays of one call. Each is asked for once, and stays reachable until the close. */
  interface Call extends AutoCloseable {

    /** Returns the stream that kernels of this call are launched on. */
    long stream();

    /** Places an array whose contents are there for what is launched next. */
    Placed read(INDArray array);

    /** Places an array that is overwritten whole. */
    Placed write(INDArray array);

    /** Places an array that is read and then overwritten whole. */
    Placed update(INDArray array);

    /** Tells that all was launched: from here on ND4J finds the results in its arrays. */
    void finish();

    /** Lets go of what the call held, whether it was finished or not. */
    @Override
    void close();
  }
}
