package io.anchor4j.dl4j.layer;

import io.anchor4j.ops.RmsNorm;
import io.anchor4j.ops.RmsNormGradient;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class RmsNormLayerImpl extends SequenceLayerImpl<RmsNormLayer> {
  private static final long serialVersionUID = 1L;

  RmsNormLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  @Override
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    INDArray gain = getParamWithNoise(RmsNormLayer.GAIN_KEY, training, workspaces);
    INDArray out = create(x, ArrayType.ACTIVATIONS, x.size(2), workspaces);
    Nd4j.exec(new RmsNorm(layerConf().getEpsilon(), groups(x), gain, groups(out)));
    return out;
  }

  @Override
  INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces) {
    INDArray gain = getParamWithNoise(RmsNormLayer.GAIN_KEY, true, workspaces);
    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaces);
    INDArray gainGradient = gradientView(RmsNormLayer.GAIN_KEY);
    Nd4j.exec(
        new RmsNormGradient(
            layerConf().getEpsilon(),
            groups(x),
            gain,
            groups(outputGradient),
            groups(dx),
            gainGradient));
    return dx;
  }

  /** Returns contiguous [B, T, C] as rows of the channels normed together, a view. */
  private INDArray groups(INDArray tokens) {
    long channels = layerConf().channelsNormed();
    return tokens.reshape('c', /* enforce= */ true, tokens.length() / channels, channels);
  }

  @Override
  void dropKept() {
    // Nothing is kept: the input holds all that the gradient needs.
  }
}
