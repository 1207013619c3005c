package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Low-rank adapters (LoRA) for a graph of this package's layers, all of whose own weights are
 * frozen: the network's parameters are then those of the adapters alone, and so are gradients,
 * updater state and checkpoints.
 *
 * @param rank of every adapter
 * @param alpha the scale of an adapter's product is alpha / rank
 * @param rankStabilized whether it is alpha / sqrt(rank) instead (rsLoRA)
 * @param dropout probability that an input of an adapter is 0 in training
 * @param targets keys of the weights that get an adapter, by name of their layer
 * @see LowRank
 */
public record LoraConfig(
    int rank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    Map<String, List<String>> targets) {

  /** Copies the targets. */
  public LoraConfig {
    checkArgument(rank >= 1, "LoRA: rank must be 1 or more, got %s", rank);
    targets = Map.copyOf(targets);
  }

  /** The factor of an adapter's product. */
  public double scale() {
    return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
  }

  /**
   * Freezes the layers of a graph that is not made yet, all in one type, and adds the adapters.
   *
   * @throws IllegalArgumentException as the other
   */
  public void applyTo(ComputationGraphConfiguration graph, DataType base) {
    applyTo(graph, layer -> base);
  }

  /**
   * Freezes the layers of a graph that is not made yet, and adds the adapters.
   *
   * @param base the type that a layer's frozen matrices are held in, by its name: BFLOAT16, or the
   *     graph's own. Biases and gains are of the graph's own
   * @throws IllegalArgumentException if a target is not there or can have no adapter, or a layer
   *     with parameters is not of this package
   */
  public void applyTo(ComputationGraphConfiguration graph, Function<String, DataType> base) {
    for (String name : targets.keySet()) {
      checkArgument(
          graph.getVertices().get(name) instanceof LayerVertex,
          "LoRA: there is no layer \"%s\" to adapt",
          name);
    }
    for (Map.Entry<String, GraphVertex> vertex : graph.getVertices().entrySet()) {
      if (vertex.getValue() instanceof LayerVertex layerVertex) {
        applyTo(
            vertex.getKey(), layerVertex.getLayerConf().getLayer(), base.apply(vertex.getKey()));
      }
    }
  }

  private void applyTo(String name, Layer layer, DataType base) {
    List<String> weights = targets.get(name);
    if (layer instanceof TokenLayer tokenLayer) {
      tokenLayer.setFrozen(base);
      if (weights != null) {
        tokenLayer.setLowRank(new LowRank(rank, scale(), dropout, weights));
      }
      return;
    }
    checkArgument(
        weights == null && layer.initializer().numParams(layer) == 0,
        "LoRA: layer \"%s\" is a %s, which cannot be frozen or adapted",
        name,
        layer.getClass().getSimpleName());
  }
}
