package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.Precision;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The feed-forward part of a Llama block (SwiGLU): {@code (silu(x Wgate) * (x Wup)) Wdown}.
 *
 * <p>Sequences [B, nIn, T] in, [B, nOut, T] out. Parameters, F = intermediateSize: {@code Wgate}
 * [nIn, F], {@code Wup} [nIn, F], {@code Wdown} [F, nOut] and, if {@code hasBias}, {@code bgate}
 * [1, F], {@code bup} [1, F], {@code bdown} [1, nOut], in this order.
 *
 * @see <a href="https://arxiv.org/abs/2002.05202">GLU Variants Improve Transformer</a>
 */
public final class GatedMlpLayer extends TokenLayer {
  /** Key of the weight before the silu. */
  public static final String GATE_WEIGHT_KEY = "Wgate";

  /** Key of the weight of the gated values. */
  public static final String UP_WEIGHT_KEY = "Wup";

  /** Key of the weight of the output. */
  public static final String DOWN_WEIGHT_KEY = "Wdown";

  /** Key of the bias before the silu. */
  public static final String GATE_BIAS_KEY = "bgate";

  /** Key of the bias of the gated values. */
  public static final String UP_BIAS_KEY = "bup";

  /** Key of the bias of the output. */
  public static final String DOWN_BIAS_KEY = "bdown";

  private static final long serialVersionUID = 1L;

  @JsonProperty private long intermediateSize;
  @JsonProperty private boolean bias;
  @JsonProperty private Precision precision = Precision.FLOAT32;

  private GatedMlpLayer() {}

  private GatedMlpLayer(Builder builder) {
    super(builder);
    checkArgument(
        builder.intermediateSize > 0,
        "GatedMlpLayer: intermediateSize must be 1 or more, got %s. Llama uses about 8/3 of nIn.",
        builder.intermediateSize);
    intermediateSize = builder.intermediateSize;
    bias = builder.hasBias;
    precision = Preconditions.checkNotNull(builder.precision, "GatedMlpLayer: precision");
    initializeConstraints(builder);
  }

  /** The number of channels between the two products. */
  public long getIntermediateSize() {
    return intermediateSize;
  }

  /** Sets the number of channels between the two products; for JSON. */
  public void setIntermediateSize(long intermediateSize) {
    this.intermediateSize = intermediateSize;
  }

  /** Whether biases are added. */
  public boolean isBias() {
    return bias;
  }

  /** Sets whether biases are added; for JSON. */
  public void setBias(boolean bias) {
    this.bias = bias;
  }

  /** The number formats of the products. */
  public Precision getPrecision() {
    return precision;
  }

  /** Sets the number formats of the products. */
  public void setPrecision(Precision precision) {
    this.precision = precision;
  }

  @Override
  List<LayerParameter> parameters() {
    var parameters = new ArrayList<LayerParameter>();
    parameters.add(LayerParameter.weight(GATE_WEIGHT_KEY, getNIn(), intermediateSize));
    parameters.add(LayerParameter.weight(UP_WEIGHT_KEY, getNIn(), intermediateSize));
    parameters.add(LayerParameter.weight(DOWN_WEIGHT_KEY, intermediateSize, getNOut()));
    if (bias) {
      parameters.add(LayerParameter.bias(GATE_BIAS_KEY, intermediateSize));
      parameters.add(LayerParameter.bias(UP_BIAS_KEY, intermediateSize));
      parameters.add(LayerParameter.bias(DOWN_BIAS_KEY, getNOut()));
    }
    return parameters;
  }

  @Override
  List<String> adaptable() {
    return List.of(GATE_WEIGHT_KEY, UP_WEIGHT_KEY, DOWN_WEIGHT_KEY);
  }

  @Override
  List<Object> options() {
    return List.of(intermediateSize, bias, precision);
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new GatedMlpLayerImpl(conf, type);
  }

  @Override
  TokenMemory memory() {
    // Gate, up and their product; of these gate and up are kept; the product again, two gradients
    // of
    // its size and one of the input's.
    return new TokenMemory(
        3 * intermediateSize, 2 * intermediateSize, 3 * intermediateSize + getNIn());
  }

  /** Builds a {@link GatedMlpLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    private long intermediateSize;
    private boolean hasBias;
    private Precision precision = Precision.FLOAT32;

    /** Sets the number of channels between the two products. */
    public Builder intermediateSize(long intermediateSize) {
      this.intermediateSize = intermediateSize;
      return this;
    }

    /** Sets whether biases are added; none are unless set. */
    public Builder hasBias(boolean hasBias) {
      this.hasBias = hasBias;
      return this;
    }

    /** Sets the number formats of the products; float32 unless set. */
    public Builder precision(Precision precision) {
      this.precision = precision;
      return this;
    }

    /**
     * Returns the layer.
     *
     * @throws IllegalArgumentException if an option is out of range
     */
    @Override
    public GatedMlpLayer build() {
      return new GatedMlpLayer(this);
    }
  }
}
