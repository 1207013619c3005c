package io.anchor4j.dl4j.retrofit;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.dl4j.layer.BinaryMaskLayer;
import io.anchor4j.dl4j.vertex.DocumentsVertex;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.layers.Layer;

/** How documents reach swapped attention, and whom they would harm on the way. */
final class DocumentRoutes {
  private static final String DOCUMENTS = "documents";
  private static final String POSITIONS = "positions";
  private static final String OURS = BinaryMaskLayer.class.getPackageName();

  private DocumentRoutes() {}

  /**
   * Gives a graph two more inputs, documents and positions, that swapped layers alone read.
   *
   * @throws IllegalArgumentException if something of the graph has one of these names
   */
  static void addInputs(ComputationGraphConfiguration graph, Set<String> swapped) {
    if (swapped.isEmpty()) {
      return;
    }
    for (String input : List.of(DOCUMENTS, POSITIONS)) {
      checkFree(graph, input);
      graph.getNetworkInputs().add(input);
    }
    for (String layer : swapped) {
      String vertex = layer + "-" + DOCUMENTS;
      checkFree(graph, vertex);
      List<String> inputs = new ArrayList<>(graph.getVertexInputs().get(layer));
      inputs.addAll(List.of(DOCUMENTS, POSITIONS));
      graph.getVertices().put(vertex, new DocumentsVertex());
      graph.getVertexInputs().put(vertex, inputs);
      graph.getVertexInputs().put(layer, new ArrayList<>(List.of(vertex)));
    }
  }

  private static void checkFree(ComputationGraphConfiguration graph, String name) {
    checkArgument(
        !graph.getNetworkInputs().contains(name) && !graph.getVertices().containsKey(name),
        "AttentionRetrofit: documentInputs() adds \"%s\", and the graph has one already. Give it"
            + " another name.",
        name);
  }

  /** Whom document numbers in a graph's features mask would reach, for the report. */
  static Optional<String> warning(ComputationGraphConfiguration graph) {
    var harmed = new ArrayList<String>();
    for (Map.Entry<String, GraphVertex> entry : graph.getVertices().entrySet()) {
      GraphVertex vertex = entry.getValue();
      boolean merges = vertex instanceof ElementWiseVertex || vertex instanceof MergeVertex;
      boolean multiplies =
          vertex instanceof LayerVertex layer && isStock(layer.getLayerConf().getLayer());
      if (merges || multiplies) {
        harmed.add(entry.getKey());
      }
    }
    return harmed.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "documents in a features mask would go wrong in "
                + RetrofitReport.quoted(harmed)
                + ": DL4J's layers multiply by the mask, its merging vertices make it 0 and 1. Use"
                + " documentInputs()");
  }

  /** Whom document numbers in a network's features mask would reach, for the report. */
  static Optional<String> warning(List<String> names, List<Layer> layers) {
    var harmed = new ArrayList<String>();
    for (int i = 0; i < layers.size() && !(layers.get(i) instanceof BinaryMaskLayer); i++) {
      if (isStock(layers.get(i))) {
        harmed.add(names.get(i));
      }
    }
    return harmed.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "documents in a features mask would go wrong in "
                + RetrofitReport.quoted(harmed)
                + ": DL4J's layers multiply by the mask. Swap network.toComputationGraph() with"
                + " documentInputs(), or see docs/retrofit.md");
  }

  private static boolean isStock(Layer layer) {
    return !AttentionSwaps.inside(layer).getClass().getPackageName().equals(OURS);
  }
}
