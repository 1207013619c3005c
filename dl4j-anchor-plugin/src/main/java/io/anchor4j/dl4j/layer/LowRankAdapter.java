package io.anchor4j.dl4j.layer;

import io.anchor4j.attention.Precision;
import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.random.impl.DropOutInverted;
import org.nd4j.linalg.factory.Nd4j;

/** The adapter of one weight in a running layer, as {@link LowRank} says. */
final class LowRankAdapter {
  private final TokenLayerImpl<?> layer;
  private final LowRank options;
  private final Precision precision;
  private final String reducingKey;
  private final String expandingKey;

  private INDArray mask; // [B, T, in], 0 or 1 / (1 - dropout); null: nothing was dropped
  private INDArray reduced; // [B, T, rank], scaled

  LowRankAdapter(TokenLayerImpl<?> layer, LowRank options, Precision precision, String weightKey) {
    this.layer = layer;
    this.options = options;
    this.precision = precision;
    this.reducingKey = LowRank.reducingKey(weightKey);
    this.expandingKey = LowRank.expandingKey(weightKey);
  }

  /** Adds the adapter's product to {@code out} [B, T, out]. */
  void forward(INDArray x, INDArray out, boolean training, LayerWorkspaceMgr workspaces) {
    dropKept();
    ArrayType place = training ? ArrayType.ACTIVATIONS : ArrayType.FF_WORKING_MEM;
    if (training && options.dropout() > 0) {
      mask = layer.create(x, place, x.size(2), workspaces).assign(1);
      Nd4j.exec(new DropOutInverted(mask, mask, 1 - options.dropout()));
    }
    INDArray down = reduce(x, place, ArrayType.FF_WORKING_MEM, workspaces);
    INDArray change = layer.create(x, ArrayType.FF_WORKING_MEM, out.size(2), workspaces);
    Nd4j.exec(new MixedLinear(precision, down, layer.getParam(expandingKey), null, change));
    out.addi(change);
    if (training) {
      reduced = down;
    }
  }

  /** Fills the gradients of A and B, and adds its part to {@code inputGradient} [B, T, in]. */
  void backward(
      INDArray x, INDArray outputGradient, INDArray inputGradient, LayerWorkspaceMgr workspaces) {
    ArrayType place = ArrayType.BP_WORKING_MEM;
    if (reduced == null) {
      reduced = reduce(x, place, place, workspaces);
    }
    INDArray downGradient = layer.create(x, place, options.rank(), workspaces);
    Nd4j.exec(
        new MixedLinearGradient(
            precision,
            reduced,
            layer.getParam(expandingKey),
            outputGradient,
            downGradient,
            layer.gradientView(expandingKey),
            null));
    downGradient.muli(options.scale());
    INDArray through = layer.create(x, place, x.size(2), workspaces);
    Nd4j.exec(
        new MixedLinearGradient(
            precision,
            dropped(x, place, workspaces),
            layer.getParam(reducingKey),
            downGradient,
            through,
            layer.gradientView(reducingKey),
            null));
    if (mask != null) {
      through.muli(mask);
    }
    inputGradient.addi(through);
  }

  void dropKept() {
    mask = null;
    reduced = null;
  }

  /** Returns scale dropout(x) A: scaled here, where it is smallest. */
  private INDArray reduce(
      INDArray x, ArrayType place, ArrayType working, LayerWorkspaceMgr workspaces) {
    INDArray down = layer.create(x, place, options.rank(), workspaces);
    INDArray input = dropped(x, working, workspaces);
    Nd4j.exec(new MixedLinear(precision, input, layer.getParam(reducingKey), null, down));
    return down.muli(options.scale());
  }

  private INDArray dropped(INDArray x, ArrayType place, LayerWorkspaceMgr workspaces) {
    return mask == null ? x : x.mul(mask, layer.create(x, place, x.size(2), workspaces));
  }
}
