package io.anchor4j.nd4j;

import com.google.common.primitives.ImmutableLongArray;
import io.anchor4j.kernel.cuda.DeviceArrays;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.jita.allocator.impl.AtomicAllocator;
import org.nd4j.jita.flow.FlowController;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.jcublas.context.CudaContext;

/** The arrays of ND4J's CUDA backend, used where they are and in ND4J's own stream. */
public final class CudaBackendArrays implements DeviceArrays {
  private final AtomicAllocator allocator = AtomicAllocator.getInstance();

  @Override
  public int device() {
    return allocator.getDeviceId();
  }

  @Override
  public Call open() {
    return new InPlace();
  }

  private final class InPlace implements Call {
    private final FlowController flow = allocator.getFlowController();
    private final CudaContext context = allocator.getDeviceContext();
    private final List<INDArray> read = new ArrayList<>();
    private final List<INDArray> written = new ArrayList<>();

    @Override
    public long stream() {
      return context.getCublasStream().address();
    }

    @Override
    public Placed read(INDArray array) {
      flow.prepareAction((INDArray) null, array);
      read.add(array);
      return placed(array);
    }

    @Override
    public Placed write(INDArray array) {
      flow.prepareAction(array);
      written.add(array);
      return placed(array);
    }

    @Override
    public Placed update(INDArray array) {
      flow.prepareAction(array, array);
      written.add(array);
      return placed(array);
    }

    /** The address includes a view's offset. */
    private Placed placed(INDArray array) {
      return new Placed(
          allocator.getPointer(array, context).address(),
          ImmutableLongArray.copyOf(array.stride()));
    }

    @Override
    public void finish() {
      for (INDArray array : read) {
        allocator.getAllocationPoint(array).tickDeviceRead();
      }
      flow.registerActionAllWrite(context, written.toArray(INDArray[]::new));
    }

    @Override
    @SuppressWarnings("ReachabilityFenceUsage") // here is where what was launched is over
    public void close() {
      Reference.reachabilityFence(read);
      Reference.reachabilityFence(written);
    }
  }
}
