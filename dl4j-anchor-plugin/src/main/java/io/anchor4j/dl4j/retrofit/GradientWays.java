package io.anchor4j.dl4j.retrofit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;

/**
 * Follows gradients down from the loss and counts how often DL4J doubled each layer's.
 *
 * <p>Every layer that runs through SameDiff doubles the gradients of its parameters and of its
 * input (M2.1, measured). Layers that were not swapped go on doubling, so that only swapped ones
 * count. Nothing passes a {@code FrozenLayer} or {@code FrozenVertex}.
 */
final class GradientWays {
  private GradientWays() {}

  /**
   * Returns the doublings of each layer whose parameters get a gradient, from the input up.
   *
   * @param names of the layers
   * @param swapped the names of those that doubled and do so no more
   */
  static Map<String, Doublings> of(
      MultiLayerConfiguration configuration, List<String> names, Set<String> swapped) {
    var fromTheTop = new HashMap<String, Doublings>();
    Doublings ways = Doublings.NONE;
    for (int i = names.size() - 1; i >= 0; i--) {
      Layer layer = configuration.getConf(i).getLayer();
      if (layer instanceof FrozenLayer) {
        break;
      }
      ways = ways.and(swapped.contains(names.get(i)) ? 1 : 0);
      if (!(layer instanceof FrozenLayerWithBackprop)) {
        fromTheTop.put(names.get(i), ways);
      }
    }
    return inOrder(names, fromTheTop);
  }

  /** The same for a graph; a vertex that leads to no output has no gradient. */
  static Map<String, Doublings> of(
      ComputationGraphConfiguration configuration, Set<String> swapped) {
    return new Graph(configuration, swapped).ofParameters();
  }

  private static Map<String, Doublings> inOrder(
      Iterable<String> names, Map<String, Doublings> doublings) {
    var ordered = new LinkedHashMap<String, Doublings>();
    for (String name : names) {
      if (doublings.containsKey(name)) {
        ordered.put(name, doublings.get(name));
      }
    }
    return ordered;
  }

  private static final class Graph {
    private final ComputationGraphConfiguration configuration;
    private final Set<String> swapped;
    private final Map<String, List<String>> readers = new HashMap<>();
    private final Map<String, Doublings> ofOutputs = new HashMap<>(); // Null where no way leads.

    Graph(ComputationGraphConfiguration configuration, Set<String> swapped) {
      this.configuration = configuration;
      this.swapped = swapped;
      configuration
          .getVertexInputs()
          .forEach(
              (reader, inputs) ->
                  inputs.forEach(
                      input ->
                          readers.computeIfAbsent(input, key -> new ArrayList<>()).add(reader)));
    }

    Map<String, Doublings> ofParameters() {
      var found = new HashMap<String, Doublings>();
      configuration
          .getVertices()
          .forEach(
              (name, vertex) -> {
                Doublings ways = throughVertex(name);
                if (ways != null && !(layer(vertex) instanceof FrozenLayerWithBackprop)) {
                  found.put(name, ways);
                }
              });
      return inOrder(configuration.getVertices().keySet(), found);
    }

    /** Of the gradient of a vertex's parameters, and of its inputs. */
    private Doublings throughVertex(String name) {
      GraphVertex vertex = configuration.getVertices().get(name);
      if (vertex instanceof FrozenVertex || layer(vertex) instanceof FrozenLayer) {
        return null;
      }
      Doublings ways = ofOutput(name);
      return ways == null ? null : ways.and(swapped.contains(name) ? 1 : 0);
    }

    private Doublings ofOutput(String name) {
      if (!ofOutputs.containsKey(name)) {
        Doublings ways = configuration.getNetworkOutputs().contains(name) ? Doublings.NONE : null;
        for (String reader : readers.getOrDefault(name, List.of())) {
          Doublings through = throughVertex(reader);
          if (through != null) {
            ways = ways == null ? through : ways.or(through);
          }
        }
        ofOutputs.put(name, ways);
      }
      return ofOutputs.get(name);
    }

    private static Layer layer(GraphVertex vertex) {
      return vertex instanceof LayerVertex layerVertex
          ? layerVertex.getLayerConf().getLayer()
          : null;
    }
  }
}
