package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What the implementations of this package share, whatever their input. */
abstract class TokenLayerImpl<C extends TokenLayer> extends BaseLayer<C> {
  private static final long serialVersionUID = 1L;

  TokenLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /** Returns the gradient views as DL4J passes them on. */
  final Gradient gradientOfViews() {
    var gradient = new DefaultGradient();
    if (gradientViews != null) {
      gradientViews.forEach((key, view) -> gradient.setGradientFor(key, view, 'c'));
    }
    return gradient;
  }

  /** Returns activations [B, nIn, T] as contiguous [B, T, nIn] of the network's type. */
  final INDArray tokens(INDArray activations, ArrayType place, LayerWorkspaceMgr workspaces) {
    long expected = layerConf().getNIn();
    checkArgument(
        activations.rank() == 3 && activations.size(1) == expected,
        "%s: the input must be [batch, nIn=%s, tokens], got %s %s. Check the layer before it, or set"
            + " nIn.",
        layerId(),
        expected,
        Arrays.toString(activations.shape()),
        activations.dataType());
    return TokenMajor.of(activations, dataType, workspaces, place);
  }

  /**
   * Returns an uninitialised [B, T, channels] for the tokens of {@code x} [B, T] or [B, T, any].
   */
  final INDArray create(INDArray x, ArrayType place, long channels, LayerWorkspaceMgr workspaces) {
    return TokenMajor.create(workspaces, place, dataType, x.size(0), x.size(1), channels);
  }

  /** The type of sums that HALF is too narrow for: statistics of attention, losses, gradients. */
  final DataType sumType() {
    return dataType == DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
  }

  @Override
  public void setParams(INDArray params) {
    if (params != paramsFlattened) {
      // BaseLayer would read the vector in 'f' order, which permutes c-order arrays.
      setParams(params, 'c');
    }
  }

  @Override
  public void allowInputModification(boolean allow) {
    // Never: the layer before may need what it handed on, as attention does for its gradient.
    super.allowInputModification(false);
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }

  @Override
  public boolean hasBias() {
    return !TokenParamInitializer.INSTANCE.biasKeys(layerConf()).isEmpty();
  }

  @Override
  public Type type() {
    return Type.RECURRENT;
  }

  @Override
  public Layer clone() {
    // BaseLayer's looks for a constructor that no layer has, logs, and returns null.
    throw new UnsupportedOperationException(layerId() + ": clone the network, not a layer of it");
  }
}
