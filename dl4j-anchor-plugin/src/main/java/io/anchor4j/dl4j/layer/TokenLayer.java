package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.ArrayList;
import java.util.Arrays;
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
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What the configurations of this package share: sequences [B, C, T] in and out, parameters listed
 * once, and equality by every option.
 */
abstract class TokenLayer extends FeedForwardLayer {
  private static final long serialVersionUID = 1L;

  @JsonProperty private DataType frozen;
  @JsonProperty private LowRank lowRank;

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

  /**
   * The type in which this layer's matrices are held as frozen weights, or null if they are
   * trained.
   *
   * <p>Frozen weights are no parameters of the network: they have no room in its flat vector, and
   * so no gradient and no updater state, they count in no {@code numParams()}, and they are not in
   * its zip. {@code getParam} returns them; {@code setParam} gives them to a layer before its first
   * use. Biases and gains are held in the network's own type.
   */
  public DataType getFrozen() {
    return frozen;
  }

  /**
   * Sets the type in which matrices are held as frozen weights: BFLOAT16, or the type of the
   * network; null to train them.
   */
  public void setFrozen(DataType frozen) {
    this.frozen = frozen;
  }

  /** The low-rank adapters of this layer's weights, or null. */
  public LowRank getLowRank() {
    return lowRank;
  }

  /**
   * Sets the low-rank adapters; null for none.
   *
   * @throws IllegalArgumentException if a weight named can have none in this layer
   */
  public void setLowRank(LowRank lowRank) {
    if (lowRank != null) {
      for (String key : lowRank.weights()) {
        checkArgument(
            adaptable().contains(key),
            "%s \"%s\": low-rank adapters can be had for %s, got \"%s\"",
            getClass().getSimpleName(),
            getLayerName(),
            adaptable().isEmpty() ? "none of its weights" : adaptable(),
            key);
      }
    }
    this.lowRank = lowRank;
  }

  /** The parameters of the layer itself, frozen or not. */
  abstract List<LayerParameter> parameters();

  /** Keys of the weights that can have a low-rank adapter; none unless overridden. */
  List<String> adaptable() {
    return List.of();
  }

  /** The parameters of the network, in the order of the flat vector. */
  final List<LayerParameter> trained() {
    List<LayerParameter> trained = new ArrayList<>();
    if (frozen == null) {
      trained.addAll(parameters());
    }
    if (lowRank != null) {
      for (LayerParameter parameter : parameters()) {
        if (lowRank.weights().contains(parameter.key())) {
          trained.addAll(parameter.adapter(lowRank.rank()));
        }
      }
    }
    return trained;
  }

  final boolean isFrozen(String key) {
    return frozen != null && parameter(key) != null;
  }

  /** The parameter of the layer itself that has this key, or null. */
  final LayerParameter parameter(String key) {
    return parameters().stream().filter(p -> p.key().equals(key)).findFirst().orElse(null);
  }

  /** The type of a frozen weight in a network of type {@code network}. */
  final DataType frozenType(String key, DataType network) {
    return parameter(key).kind() == LayerParameter.Kind.WEIGHT ? frozen : network;
  }

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
    checkArgument(
        frozen == null || frozen == DataType.BFLOAT16 || frozen == networkDataType,
        "%s \"%s\": frozen weights are held in BFLOAT16 or the network's type %s, got %s",
        getClass().getSimpleName(),
        getLayerName(),
        networkDataType,
        frozen);
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
    return Arrays.asList(getClass(), options(), frozen, lowRank);
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
