package io.anchor4j.dl4j.layer;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

final class TokenLinearLayerImpl extends LinearLayerImpl<TokenLinearLayer> {
  private static final long serialVersionUID = 1L;

  TokenLinearLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType, ((TokenLinearLayer) conf.getLayer()).getPrecision());
  }

  @Override
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    INDArray out = create(x, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaces);
    linear(x, TokenLinearLayer.WEIGHT_KEY, TokenLinearLayer.BIAS_KEY, out, training, workspaces);
    return out;
  }

  @Override
  INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces) {
    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaces);
    linearGradient(
        x, TokenLinearLayer.WEIGHT_KEY, TokenLinearLayer.BIAS_KEY, outputGradient, dx, workspaces);
    return dx;
  }
}
