package io.anchor4j.dl4j.retrofit;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;

/**
 * A copy of a configuration in which attention is swapped.
 *
 * @param configuration the copy
 * @param names of the layers from the input up, or of a graph's vertices
 * @param doublings what gradients had undergone, by those names
 */
record ConfigurationSwap<C>(
    C configuration, List<String> names, Map<String, Doublings> doublings, RetrofitReport report) {

  static ConfigurationSwap<MultiLayerConfiguration> of(
      MultiLayerConfiguration original, AttentionSwaps swaps) {
    MultiLayerConfiguration copy = original.clone();
    List<String> names = names(copy);
    for (int i = 0; i < names.size(); i++) {
      var conf = copy.getConf(i);
      separate(conf.getLayer());
      conf.setLayer(swaps.layer(names.get(i), conf.getLayer()));
    }
    Map<String, Doublings> doublings = GradientWays.of(copy, names, swaps.swapped());
    var changes = new GradientChanges();
    for (int i = 0; i < names.size(); i++) {
      add(changes, names.get(i), doublings, copy.getConf(i).getLayer());
    }
    if (swaps.readsDocuments()) {
      List<Layer> layers = copy.getConfs().stream().map(NeuralNetConfiguration::getLayer).toList();
      DocumentRoutes.warning(names, layers).ifPresent(swaps.notes()::add);
    }
    return new ConfigurationSwap<>(copy, names, doublings, report(swaps, changes));
  }

  @SuppressWarnings("ReferenceEquality") // what was not swapped is returned as it is
  static ConfigurationSwap<ComputationGraphConfiguration> of(
      ComputationGraphConfiguration original, AttentionSwaps swaps, boolean documentInputs) {
    ComputationGraphConfiguration copy = original.clone();
    // What clone() loses (M2.1).
    copy.setIterationCount(original.getIterationCount());
    copy.setEpochCount(original.getEpochCount());
    for (Map.Entry<String, GraphVertex> entry : copy.getVertices().entrySet()) {
      String name = entry.getKey();
      GraphVertex vertex = entry.getValue();
      restoreTraining(original.getVertices().get(name), vertex);
      if (vertex instanceof LayerVertex layerVertex) {
        separate(layerVertex.getLayerConf().getLayer());
      }
      List<String> inputs = copy.getVertexInputs().get(name);
      entry.setValue(swaps.vertex(name, vertex, inputs, copy.getDefaultConfiguration()));
      if (entry.getValue() != vertex) {
        copy.getVertexInputs().put(name, new ArrayList<>(inputs.subList(0, 1)));
      }
    }
    Map<String, Doublings> doublings = GradientWays.of(copy, swaps.swapped());
    var changes = new GradientChanges();
    copy.getVertices()
        .forEach(
            (name, vertex) -> {
              if (vertex instanceof LayerVertex layerVertex) {
                add(changes, name, doublings, layerVertex.getLayerConf().getLayer());
              } else if (vertex instanceof SameDiffVertex own) {
                List<String> parameters = own.getVertexParams().getParameterKeys();
                changes.add(name, doublings.get(name), own, parameters);
              }
            });
    if (documentInputs) {
      DocumentRoutes.addInputs(copy, swaps.swapped());
    } else if (swaps.readsDocuments()) {
      DocumentRoutes.warning(copy).ifPresent(swaps.notes()::add);
    }
    List<String> names = List.copyOf(copy.getVertices().keySet());
    return new ConfigurationSwap<>(copy, names, doublings, report(swaps, changes));
  }

  /** The names of layers, with the index where one has none or not for itself. */
  private static List<String> names(MultiLayerConfiguration configuration) {
    var names = new ArrayList<String>();
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < configuration.getConfs().size(); i++) {
      String name = name(configuration.getConf(i).getLayer());
      if (name == null || !seen.add(name)) {
        name = (name == null ? "layer" : name + "#") + i;
        seen.add(name);
      }
      names.add(name);
    }
    return names;
  }

  private static String name(Layer layer) {
    if (layer.getLayerName() == null && layer instanceof FrozenLayer outside) {
      return name(outside.getLayer());
    }
    if (layer.getLayerName() == null && layer instanceof BaseWrapperLayer outside) {
      return name(outside.getUnderlying());
    }
    return layer.getLayerName();
  }

  /** Gives a copied vertex the settings that AttentionVertex.clone() leaves out (M2.1). */
  private static void restoreTraining(GraphVertex original, GraphVertex copy) {
    if (original instanceof FrozenVertex from && copy instanceof FrozenVertex to) {
      restoreTraining(from.getUnderlying(), to.getUnderlying());
    }
    if (original instanceof SameDiffVertex from && copy instanceof SameDiffVertex to) {
      to.setName(from.getName());
      to.setUpdater(from.getUpdater());
      to.setBiasUpdater(from.getBiasUpdater());
      to.setRegularization(from.getRegularization());
      to.setRegularizationBias(from.getRegularizationBias());
      to.setGradientNormalization(from.getGradientNormalization());
      to.setGradientNormalizationThreshold(from.getGradientNormalizationThreshold());
    }
  }

  private static void add(
      GradientChanges changes, String name, Map<String, Doublings> doublings, Layer layer) {
    Layer inside = AttentionSwaps.inside(layer); // A wrapper does not answer for the updater.
    changes.add(name, doublings.get(name), inside, inside.initializer().paramKeys(inside));
  }

  /**
   * Gives a copied layer an inside and an updater of its own: most wrappers copy neither (M2.1),
   * and setLearningRate changes an updater in place.
   */
  private static void separate(Layer layer) {
    if (layer instanceof FrozenLayer outside) {
      separate(outside.getLayer());
    } else if (layer instanceof BaseWrapperLayer outside) {
      outside.setUnderlying(outside.getUnderlying().clone());
      separate(outside.getUnderlying());
    } else if (layer instanceof BaseLayer base && base.getIUpdater() != null) {
      base.setIUpdater(base.getIUpdater().clone());
    }
  }

  private static RetrofitReport report(AttentionSwaps swaps, GradientChanges changes) {
    return new RetrofitReport(swaps.found(), changes.gradients(), swaps.notes())
        .withNotes(changes.notes());
  }
}
