package io.anchor4j.dl4j.layer;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.Precision;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The same linear map at every token: {@code y = x W + b}, without an activation function.
 *
 * <p>Sequences [B, nIn, T] in, [B, nOut, T] out. Parameters: {@code W} [nIn, nOut] and, if {@code
 * hasBias}, {@code b} [1, nOut].
 */
public final class TokenLinearLayer extends TokenLayer {
  /** Key of the weight. */
  public static final String WEIGHT_KEY = "W";

  /** Key of the bias. */
  public static final String BIAS_KEY = "b";

  private static final long serialVersionUID = 1L;

  @JsonProperty private boolean bias;
  @JsonProperty private Precision precision = Precision.FLOAT32;

  private TokenLinearLayer() {}

  private TokenLinearLayer(Builder builder) {
    super(builder);
    bias = builder.hasBias;
    precision = Preconditions.checkNotNull(builder.precision, "TokenLinearLayer: precision");
    initializeConstraints(builder);
  }

  /** Whether a bias is added. */
  public boolean isBias() {
    return bias;
  }

  /** Sets whether a bias is added; for JSON. */
  public void setBias(boolean bias) {
    this.bias = bias;
  }

  /** The number formats of the product. */
  public Precision getPrecision() {
    return precision;
  }

  /** Sets the number formats of the product. */
  public void setPrecision(Precision precision) {
    this.precision = precision;
  }

  @Override
  List<LayerParameter> parameters() {
    var parameters = new ArrayList<LayerParameter>();
    parameters.add(LayerParameter.weight(WEIGHT_KEY, getNIn(), getNOut()));
    if (bias) {
      parameters.add(LayerParameter.bias(BIAS_KEY, getNOut()));
    }
    return parameters;
  }

  @Override
  List<String> adaptable() {
    return List.of(WEIGHT_KEY);
  }

  @Override
  List<Object> options() {
    return List.of(bias, precision);
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new TokenLinearLayerImpl(conf, type);
  }

  /** Builds a {@link TokenLinearLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    private boolean hasBias = true;
    private Precision precision = Precision.FLOAT32;

    /** Sets whether a bias is added; it is unless set. */
    public Builder hasBias(boolean hasBias) {
      this.hasBias = hasBias;
      return this;
    }

    /** Sets the number formats of the product; float32 unless set. */
    public Builder precision(Precision precision) {
      this.precision = precision;
      return this;
    }

    /** Returns the layer. */
    @Override
    public TokenLinearLayer build() {
      return new TokenLinearLayer(this);
    }
  }
}
