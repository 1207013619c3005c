package io.anchor4j.dl4j.layer;

import io.anchor4j.ops.GatedSilu;
import io.anchor4j.ops.GatedSiluGradient;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class GatedMlpLayerImpl extends LinearLayerImpl<GatedMlpLayer> {
  private static final long serialVersionUID = 1L;

  private transient INDArray gate; // [B, T, F]
  private transient INDArray up; // [B, T, F]

  GatedMlpLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType, ((GatedMlpLayer) conf.getLayer()).getPrecision());
  }

  @Override
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    ArrayType place = training ? ArrayType.ACTIVATIONS : ArrayType.FF_WORKING_MEM;
    INDArray gateNow = intermediate(x, place, workspaces);
    INDArray upNow = intermediate(x, place, workspaces);
    linear(
        x,
        GatedMlpLayer.GATE_WEIGHT_KEY,
        GatedMlpLayer.GATE_BIAS_KEY,
        gateNow,
        training,
        workspaces);
    linear(x, GatedMlpLayer.UP_WEIGHT_KEY, GatedMlpLayer.UP_BIAS_KEY, upNow, training, workspaces);
    INDArray gated = intermediate(x, ArrayType.FF_WORKING_MEM, workspaces);
    Nd4j.exec(new GatedSilu(gateNow, upNow, gated));
    INDArray out = create(x, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaces);
    linear(
        gated,
        GatedMlpLayer.DOWN_WEIGHT_KEY,
        GatedMlpLayer.DOWN_BIAS_KEY,
        out,
        training,
        workspaces);
    if (training) {
      gate = gateNow;
      up = upNow;
    }
    return out;
  }

  @Override
  INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces) {
    if (gate == null) {
      forward(x, true, workspaces);
    }
    // The gated product is formed again: cheaper than keeping F more elements a token.
    INDArray gated = intermediate(x, ArrayType.BP_WORKING_MEM, workspaces);
    Nd4j.exec(new GatedSilu(gate, up, gated));
    INDArray gatedGradient = intermediate(x, ArrayType.BP_WORKING_MEM, workspaces);
    linearGradient(
        gated,
        GatedMlpLayer.DOWN_WEIGHT_KEY,
        GatedMlpLayer.DOWN_BIAS_KEY,
        outputGradient,
        gatedGradient,
        workspaces);
    INDArray gateGradient = intermediate(x, ArrayType.BP_WORKING_MEM, workspaces);
    INDArray upGradient = gated; // Its memory; the product is not needed any more.
    Nd4j.exec(new GatedSiluGradient(gate, up, gatedGradient, gateGradient, upGradient));

    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaces);
    INDArray throughUp = create(x, ArrayType.BP_WORKING_MEM, x.size(2), workspaces);
    linearGradient(
        x,
        GatedMlpLayer.GATE_WEIGHT_KEY,
        GatedMlpLayer.GATE_BIAS_KEY,
        gateGradient,
        dx,
        workspaces);
    linearGradient(
        x,
        GatedMlpLayer.UP_WEIGHT_KEY,
        GatedMlpLayer.UP_BIAS_KEY,
        upGradient,
        throughUp,
        workspaces);
    return dx.addi(throughUp);
  }

  @Override
  void dropKept() {
    super.dropKept();
    gate = null;
    up = null;
  }

  private INDArray intermediate(INDArray x, ArrayType place, LayerWorkspaceMgr workspaces) {
    return create(x, place, layerConf().getIntermediateSize(), workspaces);
  }
}
