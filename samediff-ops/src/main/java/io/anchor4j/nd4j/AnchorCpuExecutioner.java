package io.anchor4j.nd4j;

import io.anchor4j.ops.KernelOp;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.cpu.nativecpu.ops.NativeOpExecutioner;

/**
 * ND4J's CPU executioner, which also knows how to run a {@link KernelOp} and takes a sum of
 * permuted arrays in memory order.
 */
public final class AnchorCpuExecutioner extends NativeOpExecutioner {

  @Override
  public INDArray[] exec(CustomOp op) {
    if (!(op instanceof KernelOp kernelOp)) {
      CustomOp sum = PermutedSum.inMemoryOrder(op);
      if (sum == null) {
        return super.exec(op);
      }
      super.exec(sum);
      return op.outputArguments().toArray(INDArray[]::new);
    }
    return execute(kernelOp, op.inputArguments(), KernelOpOutputs.of(kernelOp));
  }

  @Override
  public INDArray[] exec(CustomOp op, OpContext context) {
    if (!(op instanceof KernelOp kernelOp)) {
      return super.exec(op, context);
    }
    return execute(kernelOp, context.getInputArrays(), context.getOutputArrays());
  }

  private INDArray[] execute(KernelOp op, List<INDArray> inputs, List<INDArray> outputs) {
    long started = profilingConfigurableHookIn(op, null);
    op.execute(inputs, outputs);
    profilingConfigurableHookOut(op, null, started);
    return outputs.toArray(INDArray[]::new);
  }

  @Override
  public List<LongShapeDescriptor> calculateOutputShape(CustomOp op) {
    return op instanceof KernelOp kernelOp
        ? kernelOp.calculateOutputShape()
        : super.calculateOutputShape(op);
  }

  @Override
  public List<LongShapeDescriptor> calculateOutputShape(CustomOp op, OpContext context) {
    if (!(op instanceof KernelOp kernelOp)) {
      return super.calculateOutputShape(op, context);
    }
    return KernelOpOutputs.shapes(kernelOp, context);
  }
}
