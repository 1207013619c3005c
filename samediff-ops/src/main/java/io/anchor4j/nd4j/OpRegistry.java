package io.anchor4j.nd4j;

import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.AnchorAttentionGradient;
import io.anchor4j.ops.GatedSilu;
import io.anchor4j.ops.GatedSiluGradient;
import io.anchor4j.ops.KernelOp;
import io.anchor4j.ops.LinearCrossEntropy;
import io.anchor4j.ops.LinearCrossEntropyGradient;
import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import io.anchor4j.ops.RmsNorm;
import io.anchor4j.ops.RmsNormGradient;
import io.anchor4j.ops.RotaryEmbedding;
import java.util.List;
import org.nd4j.imports.converters.ImportClassMapping;

/** Tells ND4J which class an op's name in a saved graph stands for. */
final class OpRegistry {
  private static final List<KernelOp> OPS =
      List.of(
          new AnchorAttention(),
          new AnchorAttentionGradient(),
          new GatedSilu(),
          new GatedSiluGradient(),
          new LinearCrossEntropy(),
          new LinearCrossEntropyGradient(),
          new MixedLinear(),
          new MixedLinearGradient(),
          new RmsNorm(),
          new RmsNormGradient(),
          new RotaryEmbedding());

  private OpRegistry() {}

  static void register() {
    for (KernelOp op : OPS) {
      ImportClassMapping.getOpNameMapping().put(op.opName(), op);
    }
  }
}
