package io.anchor4j.dl4j.layer;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.Precision;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The output of a language model: cross-entropy of {@code softmax(x W)} against integer targets.
 *
 * <p>Sequences [B, nIn, T] in. Labels are INT [B, T]: entry t is the id, 0 to nOut - 1, that output
 * t must predict, already shifted, or -100 where it does not count; a labels mask, if there is one,
 * also has to be non-zero. A features mask does not take targets out: -100 does, at padding too.
 * The score is the mean over the targets that count. Training goes through the vocabulary in
 * chunks, so that the T x V logits never exist whole; only {@code output(...)} forms them, as [B,
 * nOut, T], not normalised.
 *
 * <p>Parameter: {@code W} [nIn, nOut]. With {@code tiedTo(name)} there is none: the vectors of that
 * {@link TokenEmbeddingLayer} are used and trained from both sides. A {@link
 * io.anchor4j.dl4j.vertex.TiedEmbeddingVertex} right before this layer makes the link.
 */
public final class LanguageModelOutputLayer extends TokenLayer {
  /** Key of the weight. */
  public static final String WEIGHT_KEY = "W";

  /** The label that does not count, as in Hugging Face. */
  public static final int IGNORED = -100;

  private static final long serialVersionUID = 1L;

  @JsonProperty private Precision precision = Precision.FLOAT32;
  @JsonProperty private String tiedTo;

  private LanguageModelOutputLayer() {}

  private LanguageModelOutputLayer(Builder builder) {
    super(builder);
    precision =
        Preconditions.checkNotNull(builder.precision, "LanguageModelOutputLayer: precision");
    tiedTo = builder.tiedTo;
    initializeConstraints(builder);
  }

  /** The number formats of the product. */
  public Precision getPrecision() {
    return precision;
  }

  /** Sets the number formats of the product. */
  public void setPrecision(Precision precision) {
    this.precision = precision;
  }

  /** The name of the embedding whose vectors are the weight, or null. */
  public String getTiedTo() {
    return tiedTo;
  }

  /** Sets the name of the embedding whose vectors are the weight; for JSON. */
  public void setTiedTo(String tiedTo) {
    this.tiedTo = tiedTo;
  }

  @Override
  List<LayerParameter> parameters() {
    return tiedTo == null
        ? List.of(LayerParameter.weight(WEIGHT_KEY, getNIn(), getNOut()))
        : List.of();
  }

  @Override
  List<Object> options() {
    return List.of(precision, Objects.requireNonNullElse(tiedTo, ""));
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new LanguageModelOutputLayerImpl(conf, type);
  }

  @Override
  TokenMemory memory() {
    return new TokenMemory(0, 0, 3); // Loss, log-sum-exp and weight of the loss.
  }

  /** Builds a {@link LanguageModelOutputLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    private Precision precision = Precision.FLOAT32;
    private String tiedTo;

    /** Sets the number formats of the product; float32 unless set. */
    public Builder precision(Precision precision) {
      this.precision = precision;
      return this;
    }

    /** Uses the vectors of that {@link TokenEmbeddingLayer} in place of an own weight. */
    public Builder tiedTo(String embeddingLayer) {
      this.tiedTo = embeddingLayer;
      return this;
    }

    /** Returns the layer. */
    @Override
    public LanguageModelOutputLayer build() {
      return new LanguageModelOutputLayer(this);
    }
  }
}
