package io.anchor4j.nd4j;

import io.anchor4j.ops.KernelOp;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.jcublas.ops.executioner.CudaExecutioner;

/** ND4J's CUDA executioner, which also knows how to run a {@link KernelOp}. */
public final class AnchorCudaExecutioner extends CudaExecutioner {

  @Override
  public INDArray[] exec(CustomOp op) {
    return op instanceof KernelOp kernelOp
        ? execute(kernelOp, op.inputArguments(), KernelOpOutputs.of(kernelOp))
        : super.exec(op);
  }

  @Override
  public INDArray[] exec(CustomOp op, OpContext context) {
    return op instanceof KernelOp kernelOp
        ? execute(kernelOp, context.getInputArrays(), context.getOutputArrays())
        : super.exec(op, context);
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
    return op instanceof KernelOp kernelOp
        ? KernelOpOutputs.shapes(kernelOp, context)
        : super.calculateOutputShape(op, context);
  }
}
