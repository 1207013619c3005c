package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Divides each token's channels by their root mean square and multiplies by a learned gain.
 *
 * <p>Sequences [B, C, T] in and out, C = nIn = nOut. Parameter: {@code gain} [1, C], which starts
 * at {@code gainInit} (1) and is not regularized.
 *
 * <p>With a group size g the channels are normed g at a time, each group by its own mean square,
 * and all groups share a gain [1, g]: the norm of heads of size g, as Qwen3 has it on queries and
 * keys.
 *
 * @see <a href="https://arxiv.org/abs/1910.07467">Root Mean Square Layer Normalization</a>
 */
public final class RmsNormLayer extends TokenLayer {
  /** Key of the gain. */
  public static final String GAIN_KEY = "gain";

  private static final long serialVersionUID = 1L;

  @JsonProperty private double epsilon;
  @JsonProperty private long groupSize;

  private RmsNormLayer() {}

  private RmsNormLayer(Builder builder) {
    super(builder);
    checkArgument(
        builder.getNIn() <= 0 || builder.getNOut() <= 0 || builder.getNIn() == builder.getNOut(),
        "RmsNormLayer: nIn and nOut are the same channels, got nIn=%s and nOut=%s. Set one of them.",
        builder.getNIn(),
        builder.getNOut());
    checkArgument(
        builder.epsilon > 0 && builder.epsilon < 1,
        "RmsNormLayer: epsilon must be between 0 and 1, got %s",
        builder.epsilon);
    epsilon = builder.epsilon;
    checkArgument(
        builder.groupSize >= 0,
        "RmsNormLayer: groupSize must be 0 (all channels) or more, got %s",
        builder.groupSize);
    groupSize = builder.groupSize;
    super.setNIn(Math.max(builder.getNIn(), builder.getNOut()));
    super.setNOut(getNIn());
    checkGroups();
    initializeConstraints(builder);
  }

  private void checkGroups() {
    checkArgument(
        groupSize == 0 || getNIn() % groupSize == 0,
        "RmsNormLayer: nIn must be a multiple of groupSize, got nIn=%s and groupSize=%s",
        getNIn(),
        groupSize);
  }

  /** What is added to the mean square, so that a row of zeros stays finite. */
  public double getEpsilon() {
    return epsilon;
  }

  /** Sets what is added to the mean square; for JSON. */
  public void setEpsilon(double epsilon) {
    this.epsilon = epsilon;
  }

  /** How many channels are normed together; 0 for all. */
  public long getGroupSize() {
    return groupSize;
  }

  /** Sets how many channels are normed together; for JSON. */
  public void setGroupSize(long groupSize) {
    this.groupSize = groupSize;
  }

  /** Returns how many channels are normed together, which is as many as the gain has. */
  long channelsNormed() {
    return groupSize == 0 ? getNIn() : groupSize;
  }

  @Override
  public void setNIn(long channels) {
    super.setNIn(channels);
    super.setNOut(channels);
    checkGroups();
  }

  @Override
  public void setNOut(long channels) {
    setNIn(channels);
  }

  @Override
  List<LayerParameter> parameters() {
    return List.of(LayerParameter.gain(GAIN_KEY, channelsNormed()));
  }

  @Override
  List<Object> options() {
    return List.of(epsilon, groupSize);
  }

  @Override
  TokenLayerImpl<?> implement(NeuralNetConfiguration conf, DataType type) {
    return new RmsNormLayerImpl(conf, type);
  }

  /** Builds a {@link RmsNormLayer}. */
  @SuppressWarnings("unchecked") // DL4J leaves the type that build() returns to the caller.
  public static final class Builder extends TokenLayer.Builder<Builder> {
    private double epsilon = 1e-6;
    private long groupSize;

    /** Sets what is added to the mean square; 1e-6 unless set. */
    public Builder epsilon(double epsilon) {
      this.epsilon = epsilon;
      return this;
    }

    /**
     * Sets how many channels are normed together, a divisor of their number; 0, for all, unless
     * set.
     */
    public Builder groupSize(long groupSize) {
      this.groupSize = groupSize;
      return this;
    }

    /**
     * Returns the layer.
     *
     * @throws IllegalArgumentException if an option is out of range
     */
    @Override
    public RmsNormLayer build() {
      return new RmsNormLayer(this);
    }
  }
}
