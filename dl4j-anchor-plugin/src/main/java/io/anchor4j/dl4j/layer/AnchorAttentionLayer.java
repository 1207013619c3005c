package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.Positions;
import io.anchor4j.rotary.RotaryConfig;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Multi-head attention over the tokens of packed documents, with its own projections.
 *
 * <p>Stands where DL4J's {@code SelfAttentionLayer} stands: sequences [B, nIn, T] in, [B, nOut, T]
 * out, and the same parameters under the same names: {@code Wq} [H, headSize, nIn], {@code Wk} and
 * {@code Wv} [Hkv, headSize, nIn], {@code Wo} [H*headSize, nOut], in c order. Without {@code
 * projectInput} there are none, and one head as wide as the input.
 *
 * <p>Which document a token belongs to comes from the features mask [B, T], best an INT array: 0
 * padding, 1 an anchor, n + 1 document n. A stock 0/1 mask therefore says that every token is an
 * anchor, that is, plain attention without padding. Without a mask the first {@code anchorTokens}
 * of each row are anchors and the rest is one document. The output of padding is exactly 0.
 *
 * <p>The mask passes on unchanged. Put a {@link BinaryMaskLayer} after the last layer that reads
 * documents: DL4J's own layers multiply by the mask. DL4J's {@code ElementWiseVertex} and {@code
 * MergeVertex} make it 0 and 1, and so all tokens anchors to the layers after them: add residuals
 * with a {@link io.anchor4j.dl4j.vertex.ResidualVertex}, which keeps it.
 *
 * <p>Where it is causal, {@code rnnTimeStep} goes on token by token with the keys and values seen
 * so far; without a features mask, so that all tokens after the anchors are one document.
 *
 * @see <a href="https://arxiv.org/abs/2411.13476">AnchorAttention</a>
 */
public final class AnchorAttentionLayer extends TokenLayer {
  /** Key of the query projection. */
  public static final String QUERY_WEIGHT_KEY = "Wq";

  /** Key of the key projection. */
  public static final String KEY_WEIGHT_KEY = "Wk";

  /** Key of the value projection. */
  public static final String VALUE_WEIGHT_KEY = "Wv";

  /** Key of the output projection. */
  public static final String OUT_WEIGHT_KEY = "Wo";

  private static final long serialVersionUID = 1L;

  @JsonProperty private int heads;
  @JsonProperty private int kvHeads;
  @JsonProperty private int headSize;
  @JsonProperty private boolean projectInput;
  @JsonProperty private int anchorTokens;
  @JsonProperty private Positions positions = Positions.CONTINUOUS;
  @JsonProperty private AttentionConfig attention = AttentionConfig.DEFAULT;

  private AnchorAttentionLayer() {}

  private AnchorAttentionLayer(Builder builder) {
    super(builder);
    checkArgument(
        builder.nHeads > 0,
        "AnchorAttentionLayer: nHeads must be 1 or more, got %s",
        builder.nHeads);
    heads = builder.nHeads;
    kvHeads = builder.kvHeads == 0 ? heads : builder.kvHeads;
    checkArgument(
        kvHeads > 0 && heads % kvHeads == 0,
        "AnchorAttentionLayer: nHeads must be a multiple of kvHeads, got nHeads=%s and kvHeads=%s",
        heads,
        kvHeads);
    checkArgument(
        builder.anchorTokens >= 0,
        "AnchorAttentionLayer: anchorTokens must be 0 or more, got %s",
        builder.anchorTokens);
    anchorTokens = builder.anchorTokens;
    positions = Preconditions.checkNotNull(builder.positions, "AnchorAttentionLayer: positions");
    projectInput = builder.projectInput;
    attention = Preconditions.checkNotNull(builder.attention, "AnchorAttentionLayer: attention");
    if (projectInput) {
      headSize = builder.headSize == 0 ? defaultHeadSize(builder) : builder.headSize;
    } else {
      checkUnprojected(builder);
      super.setNIn(Math.max(getNIn(), getNOut()));
      super.setNOut(getNIn());
    }
    if (headSize() > 0) {
      checkHeadSize();
    }
    initializeConstraints(builder);
  }

  private static int defaultHeadSize(Builder builder) {
    checkArgument(
        builder.getNOut() > 0 && builder.getNOut() % builder.nHeads == 0,
        "AnchorAttentionLayer: nOut must be a multiple of nHeads, got nOut=%s and nHeads=%s. Set"
            + " headSize for heads of another size.",
        builder.getNOut(),
        builder.nHeads);
    return (int) (builder.getNOut() / builder.nHeads);
  }

  private static void checkUnprojected(Builder builder) {
    checkArgument(
        builder.nHeads == 1 && builder.headSize == 0,
        "AnchorAttentionLayer: projectInput(false) has one head as wide as the input, got nHeads=%s"
            + " and headSize=%s",
        builder.nHeads,
        builder.headSize);
    checkArgument(
        builder.getNIn() <= 0 || builder.getNOut() <= 0 || builder.getNIn() == builder.getNOut(),
        "AnchorAttentionLayer: projectInput(false) needs nIn = nOut, got %s and %s",
        builder.getNIn(),
        builder.getNOut());
  }

  private void checkHeadSize() {
    checkArgument(
        headSize() <= AttentionShapes.MAX_HEAD_DIM,
        "AnchorAttentionLayer: headSize must be 1 to %s, got %s. Use more, smaller heads.",
        AttentionShapes.MAX_HEAD_DIM,
        headSize());
    if (attention.rotary() != null) {
      attention.rotary().rotatedDimensions(headSize());
    }
  }

  /** The size of a head: {@link #getHeadSize}, or nIn without projections. */
  int headSize() {
    return projectInput ? headSize : (int) getNIn();
  }

  /** The number of query heads. */
  public int getHeads() {
    return heads;
  }

  /** Sets the number of query heads; for JSON. */
  public void setHeads(int heads) {
    this.heads = heads;
  }

  /** The number of key/value heads, a divisor of {@link #getHeads}. */
  public int getKvHeads() {
    return kvHeads;
  }

  /** Sets the number of key/value heads; for JSON. */
  public void setKvHeads(int kvHeads) {
    this.kvHeads = kvHeads;
  }

  /** The size of a head, 0 without projections. */
  public int getHeadSize() {
    return headSize;
  }

  /** Sets the size of a head; for JSON. */
  public void setHeadSize(int headSize) {
    this.headSize = headSize;
  }

  /** Whether queries, keys, values and output have weights. */
  public boolean isProjectInput() {
    return projectInput;
  }

  /** Sets whether queries, keys, values and output have weights; for JSON. */
  public void setProjectInput(boolean projectInput) {
    this.projectInput = projectInput;
  }

  /** How many leading tokens of a row are anchors if there is no features mask. */
  public int getAnchorTokens() {
    return anchorTokens;
  }

  /** Sets how many leading tokens of a row are anchors if there is no features mask. */
  public void setAnchorTokens(int anchorTokens) {
    this.anchorTokens = anchorTokens;
  }

  /** How tokens are numbered for rotary embedding and ALiBi. */
  public Positions getPositions() {
    return positions;
  }

  /** Sets how tokens are numbered for rotary embedding and ALiBi. */
  public void setPositions(Positions positions) {
    this.positions = positions;
  }

  /** What the attention computes. */
  public AttentionConfig getAttention() {
    return attention;
  }

  /** Sets what the attention computes: the mask, the precision and so on of a trained layer. */
  public void setAttention(AttentionConfig attention) {
    this.attention = attention;
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    super.setNIn(inputType, override);
    if (!projectInput) {
      setNOut(getNIn());
      checkHeadSize();
    }
  }

  @Override
  List<LayerParameter> parameters() {
    if (!projectInput) {
      return List.of();
    }
    return List.of(
        LayerParameter.heads(QUERY_WEIGHT_KEY, heads, headSize, getNIn()),
        LayerParameter.heads(KEY_WEIGHT_KEY, kvHeads, headSize, getNIn()),
        LayerParameter.heads(VALUE_WEIGHT_KEY, kvHeads, headSize, getNIn()),
        LayerParameter.weight(OUT_WEIGHT_KEY, (long) heads * headSize, getNOut()));
  }

  /**
   * Not here: freeze the layers of a decoder, whose projections are layers of their own.
   *
   * @throws IllegalArgumentException if {@code frozen} is not null
   */
  @Override
  public void setFrozen(DataType frozen) {
    checkArgument(
        frozen == null,
        "AnchorAttentionLayer \"%s\": its weights cannot be frozen in place. Use"
            + " AnchorAttentionVertex and a TokenLinearLayer for each projection.",
        getLayerName());
  }

  @Override
  List<Object> options() {
    return List.of(heads, kvHeads, headSize, projectInput, anchorTokens, positions, attention);
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new AnchorAttentionLayerImpl(conf, type);
  }

  @Override
  TokenMemory memory() {
    if (!projectInput) {
      // The input is query, key and value; the gradients of the last two are added to the first's.
      return new TokenMemory(getNIn() + heads, getNIn() + heads, 2 * getNIn());
    }
    // Query, key, value, their attention and its log-sum-exp; then a gradient for each of the first
    // four, and one of the input's size.
    long all = (2L * heads + 2L * kvHeads) * headSize;
    return new TokenMemory(all + heads, all + heads, all + getNIn());
  }

  /** Builds an {@link AnchorAttentionLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    private int nHeads;
    private int kvHeads;
    private int headSize;
    private boolean projectInput = true;
    private int anchorTokens = 1;
    private Positions positions = Positions.CONTINUOUS;
    private AttentionConfig attention = AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR);

    /** Sets the number of query heads. */
    public Builder nHeads(int nHeads) {
      this.nHeads = nHeads;
      return this;
    }

    /** Sets the number of key/value heads (grouped-query attention); nHeads unless set. */
    public Builder kvHeads(int kvHeads) {
      this.kvHeads = kvHeads;
      return this;
    }

    /** Sets the size of a head; nOut / nHeads unless set. */
    public Builder headSize(int headSize) {
      this.headSize = headSize;
      return this;
    }

    /** Sets whether there are weights, true unless set; without there is one head. */
    public Builder projectInput(boolean projectInput) {
      this.projectInput = projectInput;
      return this;
    }

    /** Sets who sees whom among documents; {@link AttentionMask#ANCHOR} unless set. */
    public Builder mask(AttentionMask mask) {
      return attention(attention.withMask(mask));
    }

    /** Sets whether a token sees no later one; true unless set. */
    public Builder causal(boolean causal) {
      return attention(attention.withCausal(causal));
    }

    /** Sets from which distance on tokens are out of sight; 0, for none, unless set. */
    public Builder window(int window) {
      return attention(attention.withWindow(window));
    }

    /** Sets what scores are multiplied by; 0, for 1/sqrt(headSize), unless set. */
    public Builder scale(double scale) {
      return attention(attention.withScale(scale));
    }

    /** Sets whether scores get linear biases by distance; false unless set. */
    public Builder alibi(boolean alibi) {
      return attention(attention.withAlibi(alibi));
    }

    /** Rotates queries and keys by position, the whole head with that base of frequencies. */
    public Builder ropeTheta(double theta) {
      return rotary(RotaryConfig.of(theta));
    }

    /** Sets how queries and keys are rotated; null, for not at all, unless set. */
    public Builder rotary(RotaryConfig rotary) {
      return attention(attention.withRotary(rotary));
    }

    /** Sets the number formats of the products; float32 unless set. */
    public Builder precision(Precision precision) {
      return attention(attention.withPrecision(precision));
    }

    /** Sets all that the attention computes at once. */
    public Builder attention(AttentionConfig attention) {
      this.attention = attention;
      return this;
    }

    /** Sets how many leading tokens of a row are anchors without a features mask; 1 unless set. */
    public Builder anchorTokens(int anchorTokens) {
      this.anchorTokens = anchorTokens;
      return this;
    }

    /** Sets how tokens are numbered for rotary and ALiBi; continuously unless set. */
    public Builder positions(Positions positions) {
      this.positions = positions;
      return this;
    }

    /**
     * Returns the layer.
     *
     * @throws IllegalArgumentException if sizes do not fit together or an option is out of range
     */
    @Override
    public AnchorAttentionLayer build() {
      return new AnchorAttentionLayer(this);
    }
  }
}
