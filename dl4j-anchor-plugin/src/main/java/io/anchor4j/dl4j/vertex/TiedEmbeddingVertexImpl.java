package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.dl4j.layer.LanguageModelOutputLayerImpl;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.VertexIndices;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

@SuppressWarnings(
    "overrides") // BaseGraphVertex declares setInputs without the varargs of its interface.
final class TiedEmbeddingVertexImpl extends TokenVertexImpl {
  private static final long serialVersionUID = 1L;

  TiedEmbeddingVertexImpl(ComputationGraph graph, String name, int index, DataType dataType) {
    super(graph, name, index, dataType);
  }

  @Override
  INDArray forward(boolean training, LayerWorkspaceMgr workspaces) {
    link();
    return workspaces.leverageTo(ArrayType.ACTIVATIONS, inputs[0]);
  }

  @Override
  INDArray[] backward(LayerWorkspaceMgr workspaces) {
    return new INDArray[] {workspaces.leverageTo(ArrayType.ACTIVATION_GRAD, getEpsilon())};
  }

  private void link() {
    boolean linked = false;
    for (VertexIndices reader : getOutputVertices()) {
      GraphVertex vertex = graph.getVertices()[reader.getVertexIndex()];
      if (vertex.hasLayer() && unwrapped(vertex) instanceof LanguageModelOutputLayerImpl output) {
        String name = ((LanguageModelOutputLayer) output.conf().getLayer()).getTiedTo();
        GraphVertex embedding = name == null ? null : graph.getVertex(name);
        checkState(
            embedding != null && embedding.hasLayer(),
            "%s: output layer \"%s\" is tied to \"%s\", which is no layer of this network. Set tiedTo"
                + " to the name of the TokenEmbeddingLayer.",
            this,
            vertex.getVertexName(),
            name);
        output.tieTo(embedding.getLayer());
        linked = true;
      }
    }
    checkState(linked, "%s: must be the input of a LanguageModelOutputLayer, which it links", this);
  }

  private static Layer unwrapped(GraphVertex vertex) {
    Layer layer = vertex.getLayer();
    while (layer instanceof BaseWrapperLayer wrapper) {
      layer = wrapper.getUnderlying();
    }
    return layer;
  }
}
