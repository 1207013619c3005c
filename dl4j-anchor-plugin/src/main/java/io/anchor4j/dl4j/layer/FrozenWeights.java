package io.anchor4j.dl4j.layer;

import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What those who load and save networks do with weights that are no parameters of the network.
 * {@code Layer.getParam} returns a frozen weight as it does a parameter.
 */
public final class FrozenWeights {
  private FrozenWeights() {}

  /** Makes an array for every frozen weight, not initialised: the caller fills all of them. */
  public static void allocate(ComputationGraph graph) {
    for (Layer layer : graph.getLayers()) {
      if (layer instanceof TokenLayerImpl<?> tokenLayer) {
        tokenLayer.allocateFrozen();
      }
    }
  }

  /** Says whether an adapter of the network has dropout. */
  public static boolean adaptersDropOut(ComputationGraph graph) {
    return Arrays.stream(graph.getLayers())
        .map(FrozenWeights::lowRank)
        .anyMatch(lowRank -> lowRank != null && lowRank.dropout() > 0);
  }

  private static LowRank lowRank(Layer layer) {
    return layer instanceof TokenLayerImpl<?> tokenLayer
        ? tokenLayer.layerConf().getLowRank()
        : null;
  }

  /**
   * Returns a parameter or frozen weight with the product of its adapter added, if it has one.
   *
   * @return FLOAT; the layer's own array if that is what is asked for, otherwise a copy, which the
   *     caller closes
   */
  public static INDArray merged(Layer layer, String key) {
    INDArray weight = layer.getParam(key);
    LowRank lowRank = lowRank(layer);
    List<String> adapted = lowRank == null ? List.of() : lowRank.weights();
    if (!adapted.contains(key)) {
      return weight.castTo(DataType.FLOAT);
    }
    INDArray reducing = layer.getParam(LowRank.reducingKey(key));
    try (INDArray product =
        reducing.castTo(DataType.FLOAT).mmul(layer.getParam(LowRank.expandingKey(key)))) {
      product.muli(lowRank.scale());
      INDArray merged = weight.castTo(DataType.FLOAT);
      return merged == weight ? weight.add(product) : merged.addi(product);
    }
  }
}
