package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.InputTypeUtil;
import org.deeplearning4j.nn.conf.layers.LayerValidation;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What the configurations of this package share: sequences [B, C, T] in and out, parameters listed
 * once, and equality by every option.
 */
abstract class TokenLayer extends FeedForwardLayer {
  private static final long serialVersionUID = 1L;

  /** For JSON. */
  TokenLayer() {}

  TokenLayer(Builder<?> builder) {
    super(builder);
    checkArgument(
        builder.getActivationFn() instanceof ActivationIdentity,
        "%s applies no activation function, got %s. Leave it out, or add an ActivationLayer.",
        getClass().getSimpleName(),
        builder.getActivationFn());
  }

  /** The parameters in the order of the flat vector. */
  abstract List<LayerParameter> parameters();

  /** The options of this layer beside those of DL4J's own base classes. */
  abstract List<Object> options();

  abstract TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type);

  /** What a token needs beside the output; nothing unless overridden. */
  TokenMemory memory() {
    return TokenMemory.NONE;
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    LayerValidation.assertNInNOutSet(
        getClass().getSimpleName(), getLayerName(), layerIndex, getNIn(), getNOut());
    TokenLayerImpl<?> layer = implement(conf, networkDataType);
    layer.setListeners(trainingListeners);
    layer.setIndex(layerIndex);
    layer.setParamsViewArray(layerParamsView);
    Map<String, INDArray> table = initializer().init(conf, layerParamsView, initializeParams);
    layer.setParamTable(table);
    layer.setConf(conf);
    return layer;
  }

  @Override
  public ParamInitializer initializer() {
    return TokenParamInitializer.INSTANCE;
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    long tokens = sequence(inputType).getTimeSeriesLength();
    return InputType.recurrent(getNOut(), tokens, RNNFormat.NCW);
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    if (getNIn() <= 0 || override) {
      setNIn(sequence(inputType).getSize());
    }
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return InputTypeUtil.getPreprocessorForInputTypeRnnLayers(
        inputType, RNNFormat.NCW, getLayerName());
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType inputType) {
    long parameters = initializer().numParams(this);
    long updaterState =
        getIUpdater() == null || parameters == 0 ? 0 : getIUpdater().stateSize(parameters);
    InputType outputType = getOutputType(-1, inputType);
    long tokens = ((InputType.InputTypeRecurrent) outputType).getTimeSeriesLength();
    return new LayerMemoryReport.Builder(getLayerName(), getClass(), inputType, outputType)
        .standardMemory(parameters, updaterState)
        .workingMemory(0, memory().inference() * tokens, 0, memory().backward() * tokens)
        // Kept by all layers at once: the report sums cache memory, of working memory it takes the
        // largest.
        .cacheMemory(0, memory().kept() * tokens)
        .build();
  }

  private InputType.InputTypeRecurrent sequence(InputType inputType) {
    if (inputType instanceof InputType.InputTypeRecurrent recurrent
        && recurrent.getFormat() != RNNFormat.NWC) {
      return recurrent;
    }
    throw new IllegalStateException(
        "%s \"%s\" takes sequences [batch, size, tokens] (InputType.recurrent, NCW), got %s"
            .formatted(getClass().getSimpleName(), getLayerName(), inputType));
  }

  private List<Object> identity() {
    return List.of(getClass(), options());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenLayer layer
        && identity().equals(layer.identity())
        && super.equals(other);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), identity());
  }

  @Override
  public String toString() {
    return "%s(layerName=%s, nIn=%d, nOut=%d, %s)"
        .formatted(getClass().getSimpleName(), getLayerName(), getNIn(), getNOut(), options());
  }

  /** The options that DL4J's own layers have. */
  abstract static class Builder<T extends Builder<T>> extends FeedForwardLayer.Builder<T> {
    Builder() {
      // Otherwise the network's global activation, sigmoid by default, would be handed down.
      setActivationFn(new ActivationIdentity());
    }
  }
}
