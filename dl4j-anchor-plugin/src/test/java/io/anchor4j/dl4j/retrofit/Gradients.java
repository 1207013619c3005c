package io.anchor4j.dl4j.retrofit;

import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The flat gradient vector [N] of a network in training. */
final class Gradients {
  private Gradients() {}

  /** Keeps the gradients of the newest step, as they were before clipping and the updater. */
  static final class Recorder extends BaseTrainingListener {
    private INDArray newest;

    INDArray newest() {
      return newest;
    }

    @Override
    public void onGradientCalculation(Model model) {
      newest = flat(model).dup();
    }
  }

  /** Divides gradients before anything else sees them. */
  static final class Corrector extends BaseTrainingListener {
    private final INDArray factors;

    Corrector(INDArray factors) {
      this.factors = factors;
    }

    @Override
    public void onGradientCalculation(Model model) {
      flat(model).divi(factors);
    }
  }

  private static INDArray flat(Model model) {
    INDArray gradients =
        model instanceof MultiLayerNetwork network
            ? network.getFlattenedGradients()
            : ((ComputationGraph) model).getFlattenedGradients();
    return gradients.reshape(gradients.length());
  }

  /** Returns [N] with each layer's factor at its parameters, 1 for layers that have none given. */
  static INDArray factors(MultiLayerNetwork network, Map<String, Integer> factors) {
    INDArray all = Nd4j.ones(network.params().dataType(), network.numParams());
    long start = 0;
    for (Layer layer : network.getLayers()) {
      String name = layer.conf().getLayer().getLayerName();
      fill(all, start, layer.numParams(), factors.getOrDefault(name, 1));
      start += layer.numParams();
    }
    return all;
  }

  /** The same for a graph. */
  static INDArray factors(ComputationGraph graph, Map<String, Integer> factors) {
    INDArray all = Nd4j.ones(graph.params().dataType(), graph.params().length());
    long start = 0;
    for (int index : graph.topologicalSortOrder()) {
      GraphVertex vertex = graph.getVertices()[index];
      fill(all, start, vertex.numParams(), factors.getOrDefault(vertex.getVertexName(), 1));
      start += vertex.numParams();
    }
    return all;
  }

  private static void fill(INDArray all, long start, long count, int factor) {
    for (long i = start; i < start + count; i++) {
      all.putScalar(i, factor);
    }
  }
}
