package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitUniform;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Cuts a layer's part of the network's flat vector into the arrays of {@link TokenLayer}. */
final class TokenParamInitializer implements ParamInitializer {
  static final TokenParamInitializer INSTANCE = new TokenParamInitializer();

  private TokenParamInitializer() {}

  @Override
  public long numParams(NeuralNetConfiguration conf) {
    return numParams(conf.getLayer());
  }

  @Override
  public long numParams(Layer layer) {
    return parameters(layer).stream().mapToLong(LayerParameter::length).sum();
  }

  @Override
  public List<String> paramKeys(Layer layer) {
    return parameters(layer).stream().map(LayerParameter::key).toList();
  }

  @Override
  public List<String> weightKeys(Layer layer) {
    return keys(
        layer,
        EnumSet.of(
            LayerParameter.Kind.WEIGHT,
            LayerParameter.Kind.REDUCING,
            LayerParameter.Kind.EXPANDING));
  }

  @Override
  public List<String> biasKeys(Layer layer) {
    return keys(layer, EnumSet.of(LayerParameter.Kind.BIAS));
  }

  @Override
  public boolean isWeightParam(Layer layer, String key) {
    return weightKeys(layer).contains(key);
  }

  @Override
  public boolean isBiasParam(Layer layer, String key) {
    return biasKeys(layer).contains(key);
  }

  @Override
  public Map<String, INDArray> init(
      NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
    TokenLayer layer = (TokenLayer) conf.getLayer();
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    slices(layer, paramsView)
        .forEach(
            (parameter, slice) -> {
              if (initializeParams) {
                initialize(layer, parameter, slice);
              }
              arrays.put(parameter.key(), slice.reshape('c', parameter.shape()));
              conf.addVariable(parameter.key());
            });
    return Collections.synchronizedMap(arrays);
  }

  @Override
  public Map<String, INDArray> getGradientsFromFlattened(
      NeuralNetConfiguration conf, INDArray gradientView) {
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    slices((TokenLayer) conf.getLayer(), gradientView)
        .forEach((p, slice) -> arrays.put(p.key(), slice.reshape('c', p.shape())));
    return arrays;
  }

  private static List<LayerParameter> parameters(Layer layer) {
    return ((TokenLayer) layer).trained();
  }

  private static List<String> keys(Layer layer, Set<LayerParameter.Kind> kinds) {
    return parameters(layer).stream()
        .filter(parameter -> kinds.contains(parameter.kind()))
        .map(LayerParameter::key)
        .toList();
  }

  private static Map<LayerParameter, INDArray> slices(TokenLayer layer, INDArray flat) {
    Map<LayerParameter, INDArray> slices = new LinkedHashMap<>();
    if (layer.trained().isEmpty()) {
      return slices;
    }
    checkArgument(
        flat.length() == INSTANCE.numParams(layer),
        "%s: expected %s parameters, got an array of %s",
        layer,
        INSTANCE.numParams(layer),
        flat.length());
    // One axis only: INDArray.get with more on a view can give an empty array (M2.1).
    INDArray vector = flat.reshape(flat.length());
    long offset = 0;
    for (LayerParameter parameter : layer.trained()) {
      long end = offset + parameter.length();
      slices.put(parameter, vector.get(NDArrayIndex.interval(offset, end)));
      offset = end;
    }
    return slices;
  }

  private static void initialize(TokenLayer layer, LayerParameter parameter, INDArray slice) {
    switch (parameter.kind()) {
      case WEIGHT -> initialize(layer.getWeightInitFn(), parameter, slice);
      // What kaiming_uniform_(a=sqrt(5)) of PEFT comes to: uniform within 1 / sqrt(fan in).
      case REDUCING -> initialize(new WeightInitUniform(), parameter, slice);
      case EXPANDING -> slice.assign(0);
      case BIAS -> slice.assign(layer.getBiasInit());
      case GAIN -> slice.assign(layer.getGainInit());
    }
  }

  private static void initialize(IWeightInit weightInit, LayerParameter parameter, INDArray slice) {
    weightInit.init(
        (double) parameter.fanIn(), (double) parameter.fanOut(), parameter.shape(), 'c', slice);
  }
}
