package io.anchor4j.nd4j;

import io.anchor4j.ops.KernelOp;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;

/** What the executioners do alike for an op of ours. */
final class KernelOpOutputs {
  private KernelOpOutputs() {}

  /** Returns the op's outputs, made if it was given none. */
  static List<INDArray> of(KernelOp op) {
    if (op.numOutputArguments() == 0) {
      for (LongShapeDescriptor output : op.calculateOutputShape()) {
        op.addOutputArgument(Nd4j.create(output, false));
      }
    }
    return op.outputArguments();
  }

  /**
   * Returns the shapes and types of the op's outputs.
   *
   * @param context null if the op has its inputs itself
   */
  static List<LongShapeDescriptor> shapes(KernelOp op, OpContext context) {
    return context == null ? op.calculateOutputShape() : op.calculateOutputShape(context);
  }
}
