package io.anchor4j.dl4j.vertex;

import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.BaseGraphVertex;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What the running vertices of this package share. */
@SuppressWarnings(
    "overrides") // BaseGraphVertex declares setInputs without the varargs of its interface.
abstract class TokenVertexImpl extends BaseGraphVertex {
  private static final long serialVersionUID = 1L;

  TokenVertexImpl(ComputationGraph graph, String name, int index, DataType dataType) {
    super(graph, name, index, null, null, dataType);
  }

  /** Returns the output [B, C, T], in ArrayType.ACTIVATIONS. */
  abstract INDArray forward(boolean training, LayerWorkspaceMgr workspaces);

  /** Returns the gradients of all inputs, null for integers, in ArrayType.ACTIVATION_GRAD. */
  abstract INDArray[] backward(LayerWorkspaceMgr workspaces);

  @Override
  public final INDArray doForward(boolean training, LayerWorkspaceMgr workspaceMgr) {
    if (!canDoForward()) {
      throw new IllegalStateException(this + ": cannot go forward, an input is not set");
    }
    return forward(training, workspaceMgr);
  }

  @Override
  public final Pair<Gradient, INDArray[]> doBackward(
      boolean tbptt, LayerWorkspaceMgr workspaceMgr) {
    if (!canDoBackward()) {
      throw new IllegalStateException(
          this + ": cannot go backward, an input or the gradient of the output is not set");
    }
    return new Pair<>(null, backward(workspaceMgr));
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArrays(
      INDArray[] maskArrays, MaskState currentMaskState, int minibatchSize) {
    return new Pair<>(maskArrays == null ? null : maskArrays[0], currentMaskState);
  }

  @Override
  public boolean hasLayer() {
    return false;
  }

  @Override
  public Layer getLayer() {
    return null;
  }

  @Override
  public void setBackpropGradientsViewArray(INDArray backpropGradientsViewArray) {
    if (backpropGradientsViewArray != null) {
      throw new IllegalArgumentException(this + ": has no parameters, so no gradients");
    }
  }

  @Override
  public String toString() {
    return "%s \"%s\" (index %d)"
        .formatted(getClass().getSimpleName(), getVertexName(), getVertexIndex());
  }
}
