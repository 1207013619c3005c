package io.anchor4j.dl4j.layer;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A layer that computes on [B, T, C] and leaves the rest of DL4J's contract to this class.
 *
 * <p>Masks pass through and are not applied: padding is left out by attention and by the loss.
 */
abstract class SequenceLayerImpl<C extends TokenLayer> extends TokenLayerImpl<C> {
  private static final long serialVersionUID = 1L;

  SequenceLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /**
   * Computes the output.
   *
   * @param x [B, T, nIn], contiguous, of the network's type
   * @param training whether a backward pass may follow. What it needs goes into {@link
   *     ArrayType#ACTIVATIONS}, which lives until then
   * @return [B, T, nOut], contiguous, in {@link ArrayType#ACTIVATIONS}
   */
  abstract INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces);

  /**
   * Overwrites the gradient views and returns the gradient of the input.
   *
   * <p>What {@link #forward} kept may be missing: a {@code FrozenLayerWithBackprop} runs it as if
   * for inference. It is then computed again.
   *
   * @param x as in {@link #forward}
   * @param outputGradient [B, T, nOut], contiguous
   * @return [B, T, nIn], contiguous, in {@link ArrayType#ACTIVATION_GRAD}
   */
  abstract INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces);

  /** Drops what {@link #forward} kept. */
  abstract void dropKept();

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    applyDropOutIfNecessary(training, workspaceMgr);
    INDArray x = tokens(input, ArrayType.FF_WORKING_MEM, workspaceMgr);
    return TokenMajor.activations(forward(x, training, workspaceMgr));
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    INDArray x = tokens(input, ArrayType.BP_WORKING_MEM, workspaceMgr);
    INDArray outputGradient =
        TokenMajor.of(epsilon, dataType, workspaceMgr, ArrayType.BP_WORKING_MEM);
    INDArray inputGradient = backward(x, outputGradient, workspaceMgr);
    dropKept();
    weightNoiseParams.clear();
    INDArray next = TokenMajor.activations(inputGradient);
    // Inside a FrozenLayerWithBackprop dropout is configured and yet was not applied.
    return new Pair<>(gradientOfViews(), dropoutApplied ? backpropDropOutIfPresent(next) : next);
  }

  @Override
  public void clear() {
    super.clear();
    dropKept();
  }
}
