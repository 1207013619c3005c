package io.anchor4j.dl4j.layer;

import java.util.Collection;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.NoParamLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Passes activations through and turns a mask of document numbers into 0 and 1.
 *
 * <p>Goes between the last layer that reads documents from the features mask ({@link
 * AnchorAttentionLayer}) and the first of DL4J's own layers, which multiply by the mask and would
 * be scaled by a document's number. Any number above 0 becomes 1, in the network's type.
 */
public final class BinaryMaskLayer extends NoParamLayer {
  private static final long serialVersionUID = 1L;

  private BinaryMaskLayer() {}

  private BinaryMaskLayer(Builder builder) {
    super(builder);
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    var layer = new BinaryMaskLayerImpl(conf, networkDataType);
    layer.setListeners(trainingListeners);
    layer.setIndex(layerIndex);
    layer.setParamTable(initializer().init(conf, layerParamsView, initializeParams));
    return layer;
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    return inputType;
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return null;
  }

  @Override
  public boolean isPretrainParam(String paramName) {
    return false;
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType inputType) {
    return new LayerMemoryReport.Builder(getLayerName(), getClass(), inputType, inputType)
        .standardMemory(0, 0)
        .workingMemory(0, 0, 0, 0)
        .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS)
        .build();
  }

  @Override
  public String toString() {
    return "BinaryMaskLayer(layerName=" + getLayerName() + ")";
  }

  /** Builds a {@link BinaryMaskLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder
      extends org.deeplearning4j.nn.conf.layers.Layer.Builder<Builder> {
    /** Returns the layer. */
    @Override
    public BinaryMaskLayer build() {
      return new BinaryMaskLayer(this);
    }
  }
}
