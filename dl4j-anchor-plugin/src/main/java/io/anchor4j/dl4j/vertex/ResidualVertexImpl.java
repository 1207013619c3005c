package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.dl4j.layer.TokenMajor;
import java.util.Arrays;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.AddOp;
import org.nd4j.linalg.factory.Nd4j;

@SuppressWarnings(
    "overrides") // BaseGraphVertex declares setInputs without the varargs of its interface.
final class ResidualVertexImpl extends TokenVertexImpl {
  private static final long serialVersionUID = 1L;

  ResidualVertexImpl(ComputationGraph graph, String name, int index, DataType dataType) {
    super(graph, name, index, dataType);
  }

  @Override
  INDArray forward(boolean training, LayerWorkspaceMgr workspaces) {
    checkArgument(
        inputs[0].rank() == 3 && inputs[0].equalShapes(inputs[1]),
        "%s: both inputs must be [batch, size, tokens] and alike, got %s and %s",
        this,
        Arrays.toString(inputs[0].shape()),
        Arrays.toString(inputs[1].shape()));
    INDArray a = TokenMajor.of(inputs[0], dataType, workspaces, ArrayType.FF_WORKING_MEM);
    INDArray b = TokenMajor.of(inputs[1], dataType, workspaces, ArrayType.FF_WORKING_MEM);
    INDArray sum = workspaces.createUninitialized(ArrayType.ACTIVATIONS, dataType, a.shape(), 'c');
    Nd4j.exec(new AddOp(new INDArray[] {a, b}, new INDArray[] {sum}));
    return TokenMajor.activations(sum);
  }

  @Override
  INDArray[] backward(LayerWorkspaceMgr workspaces) {
    // One copy each: DL4J adds the gradients of other readers into these arrays.
    return new INDArray[] {copy(workspaces), copy(workspaces)};
  }

  private INDArray copy(LayerWorkspaceMgr workspaces) {
    INDArray tokens = getEpsilon().permute(0, 2, 1);
    return TokenMajor.activations(workspaces.dup(ArrayType.ACTIVATION_GRAD, tokens, 'c'));
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArrays(
      INDArray[] maskArrays, MaskState currentMaskState, int minibatchSize) {
    if (maskArrays == null) {
      return new Pair<>(null, currentMaskState);
    }
    // Both inputs are the same tokens, so either mask holds for the sum.
    INDArray mask = maskArrays[0] != null ? maskArrays[0] : maskArrays[1];
    return new Pair<>(mask, currentMaskState);
  }
}
