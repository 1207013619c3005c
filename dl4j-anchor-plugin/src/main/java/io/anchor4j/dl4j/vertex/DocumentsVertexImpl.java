package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.dl4j.layer.DocumentReader;
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
final class DocumentsVertexImpl extends TokenVertexImpl {
  private static final long serialVersionUID = 1L;

  DocumentsVertexImpl(ComputationGraph graph, String name, int index, DataType dataType) {
    super(graph, name, index, dataType);
  }

  @Override
  INDArray forward(boolean training, LayerWorkspaceMgr workspaces) {
    INDArray positions = inputs.length > 2 ? inputs[2] : null;
    for (VertexIndices reader : getOutputVertices()) {
      reader(graph.getVertices()[reader.getVertexIndex()]).setDocuments(inputs[1], positions);
    }
    // A copy: the input's memory may be given away before the reader has run.
    return workspaces.dup(ArrayType.ACTIVATIONS, inputs[0]);
  }

  private DocumentReader reader(GraphVertex vertex) {
    Layer layer = vertex.getLayer();
    while (layer instanceof BaseWrapperLayer wrapper) {
      layer = wrapper.getUnderlying();
    }
    checkState(
        layer instanceof DocumentReader,
        "%s: only an AnchorAttentionLayer can read documents from it, \"%s\" is none",
        this,
        vertex.getVertexName());
    return (DocumentReader) layer;
  }

  @Override
  INDArray[] backward(LayerWorkspaceMgr workspaces) {
    var gradients = new INDArray[inputs.length]; // Null for the integers.
    gradients[0] = workspaces.dup(ArrayType.ACTIVATION_GRAD, getEpsilon());
    return gradients;
  }
}
