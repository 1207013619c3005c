package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.nd4j.UntouchedArrays;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
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

  /** Frozen weights by key: no parameters of the network. */
  private final transient Map<String, INDArray> frozen = new HashMap<>();

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

  /** Returns where the gradient of a parameter goes; null if it is frozen. */
  final INDArray gradientView(String key) {
    return gradientViews == null ? null : gradientViews.get(key);
  }

  /**
   * Returns a parameter, or a frozen weight, which no table of parameters lists.
   *
   * @throws IllegalStateException if the frozen weight was not given yet
   */
  @Override
  public INDArray getParam(String key) {
    if (!layerConf().isFrozen(key)) {
      return super.getParam(key);
    }
    INDArray weight = frozen.get(key);
    checkState(
        weight != null,
        "%s: the frozen weight %s was not given. A network's zip does not hold frozen weights:"
            + " load them from their checkpoint, or set them with setParam.",
        layerId(),
        key);
    return weight;
  }

  /** Makes an array for every frozen weight that was not given, not initialised. */
  final void allocateFrozen() {
    for (LayerParameter parameter : layerConf().parameters()) {
      String key = parameter.key();
      if (layerConf().isFrozen(key)) {
        DataType type = layerConf().frozenType(key, dataType);
        frozen.computeIfAbsent(key, k -> UntouchedArrays.create(type, parameter.shape()));
      }
    }
  }

  /** Sets a parameter, or takes {@code value} itself as a frozen weight. */
  @Override
  public void setParam(String key, INDArray value) {
    if (!layerConf().isFrozen(key)) {
      super.setParam(key, value);
      return;
    }
    LayerParameter expected = layerConf().parameter(key);
    DataType type = layerConf().frozenType(key, dataType);
    checkArgument(
        Arrays.equals(value.shape(), expected.shape()) && value.dataType() == type,
        "%s: the frozen weight %s is %s %s, got %s %s",
        layerId(),
        key,
        type,
        Arrays.toString(expected.shape()),
        value.dataType(),
        Arrays.toString(value.shape()));
    frozen.put(key, value);
  }

  /** Returns activations [B, nIn, T] as contiguous [B, T, nIn] of the network's type. */
  final INDArray tokens(INDArray activations, ArrayType place, LayerWorkspaceMgr workspaces) {
    long expected = layerConf().getNIn();
    checkArgument(
        activations.rank() == 3 && activations.size(1) == expected,
        "%s: the input must be [batch, nIn=%s, tokens], got %s %s. Check the layer before it, or"
            + " set nIn.",
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
    return layerConf().parameters().stream()
        .anyMatch(parameter -> parameter.kind() == LayerParameter.Kind.BIAS);
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
