package io.anchor4j.dl4j.layer;

import java.util.List;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Looks up a vector for each token id.
 *
 * <p>INT ids [B, T] in, each 0 to nIn - 1; sequences [B, nOut, T] out. Parameter: {@code W} [nIn,
 * nOut], nIn being the vocabulary's size. Ids are integers all the way: a floating input is
 * refused, because HALF holds integers exactly only up to 2,048 and BFLOAT16 up to 256.
 *
 * <p>The gradient of a row is summed over its tokens in their order, so that it has the same bits
 * in every run.
 *
 * <p>In {@code setInputType(...)} give {@code InputType.recurrent(vocabulary, tokens)}. A dropout
 * set on this layer, or globally, is not applied to ids.
 */
public final class TokenEmbeddingLayer extends TokenLayer {
  /** Key of the vectors. */
  public static final String WEIGHT_KEY = "W";

  private static final long serialVersionUID = 1L;

  private TokenEmbeddingLayer() {}

  private TokenEmbeddingLayer(Builder builder) {
    super(builder);
    initializeConstraints(builder);
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    if (inputType instanceof InputType.InputTypeFeedForward) {
      return InputType.recurrent(getNOut(), RNNFormat.NCW);
    }
    return super.getOutputType(layerIndex, inputType);
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    if (inputType instanceof InputType.InputTypeFeedForward ids) {
      if (getNIn() <= 0 || override) {
        setNIn(ids.getSize());
      }
    } else {
      super.setNIn(inputType, override);
    }
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return null; // Ids are taken as they are.
  }

  @Override
  List<LayerParameter> parameters() {
    return List.of(LayerParameter.weight(WEIGHT_KEY, getNIn(), getNOut()));
  }

  @Override
  List<Object> options() {
    return List.of();
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new TokenEmbeddingLayerImpl(conf, type);
  }

  /** Builds a {@link TokenEmbeddingLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    /** Returns the layer. */
    @Override
    public TokenEmbeddingLayer build() {
      return new TokenEmbeddingLayer(this);
    }
  }
}
