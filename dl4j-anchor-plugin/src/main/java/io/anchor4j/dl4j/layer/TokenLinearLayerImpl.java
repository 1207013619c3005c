package io.anchor4j.dl4j.layer;

import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class TokenLinearLayerImpl extends SequenceLayerImpl<TokenLinearLayer> {
  private static final long serialVersionUID = 1L;

  TokenLinearLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  @Override
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    INDArray weight = getParamWithNoise(TokenLinearLayer.WEIGHT_KEY, training, workspaces);
    INDArray bias =
        hasBias() ? getParamWithNoise(TokenLinearLayer.BIAS_KEY, training, workspaces) : null;
    INDArray out = create(x, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaces);
    Nd4j.exec(new MixedLinear(layerConf().getPrecision(), x, weight, bias, out));
    return out;
  }

  @Override
  INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces) {
    INDArray weight = getParamWithNoise(TokenLinearLayer.WEIGHT_KEY, true, workspaces);
    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaces);
    Nd4j.exec(
        new MixedLinearGradient(
            layerConf().getPrecision(),
            x,
            weight,
            outputGradient,
            dx,
            gradientViews.get(TokenLinearLayer.WEIGHT_KEY),
            gradientViews.get(TokenLinearLayer.BIAS_KEY)));
    return dx;
  }

  @Override
  void dropKept() {
    // Nothing is kept: the input holds all that the gradient needs.
  }
}
