package io.anchor4j.dl4j.layer;

import io.anchor4j.attention.Precision;
import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import java.util.HashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A layer of linear maps, each with a weight, maybe a bias, and maybe a {@link LowRank}. */
abstract class LinearLayerImpl<C extends TokenLayer> extends SequenceLayerImpl<C> {
  private static final long serialVersionUID = 1L;

  private final Precision precision;
  private final transient Map<String, LowRankAdapter> adapters = new HashMap<>();

  LinearLayerImpl(NeuralNetConfiguration conf, DataType dataType, Precision precision) {
    super(conf, dataType);
    this.precision = precision;
    LowRank lowRank = layerConf().getLowRank();
    if (lowRank != null) {
      for (String key : lowRank.weights()) {
        adapters.put(key, new LowRankAdapter(this, lowRank, precision, key));
      }
    }
  }

  /** Computes one of the maps. */
  final void linear(
      INDArray x,
      String weightKey,
      String biasKey,
      INDArray out,
      boolean training,
      LayerWorkspaceMgr workspaces) {
    INDArray weight = getParamWithNoise(weightKey, training, workspaces);
    INDArray bias = hasBias() ? getParamWithNoise(biasKey, training, workspaces) : null;
    Nd4j.exec(new MixedLinear(precision, x, weight, bias, out));
    LowRankAdapter adapter = adapters.get(weightKey);
    if (adapter != null) {
      adapter.forward(x, out, training, workspaces);
    }
  }

  /** Computes the gradients of one of the maps. */
  final void linearGradient(
      INDArray x,
      String weightKey,
      String biasKey,
      INDArray outputGradient,
      INDArray inputGradient,
      LayerWorkspaceMgr workspaces) {
    Nd4j.exec(
        new MixedLinearGradient(
            precision,
            x,
            getParamWithNoise(weightKey, true, workspaces),
            outputGradient,
            inputGradient,
            gradientView(weightKey),
            gradientView(biasKey)));
    LowRankAdapter adapter = adapters.get(weightKey);
    if (adapter != null) {
      adapter.backward(x, outputGradient, inputGradient, workspaces);
    }
  }

  @Override
  void dropKept() {
    adapters.values().forEach(LowRankAdapter::dropKept);
  }
}
