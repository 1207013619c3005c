package io.anchor4j.rotary;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import java.io.Serializable;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * How query and key heads are rotated by position.
 *
 * @param theta base of the frequencies: pair i of n turns by {@code theta^(-i/n)} radians a token
 * @param dimensions leading dimensions of a head that are rotated, the rest passing unchanged;
 *     even; 0 means the whole head
 * @param pairing which two dimensions turn together
 * @param scaling how frequencies are stretched for a longer context
 * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer</a>
 */
public record RotaryConfig(double theta, int dimensions, Pairing pairing, RotaryScaling scaling)
    implements Serializable {

  /** The largest head that a kernel rotates. */
  public static final int MAX_DIMENSIONS = 256;

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Which two dimensions of a head form the plane that is turned. */
  public enum Pairing {
    /** Dimension i with i + n/2, as Hugging Face stores Llama. */
    HALF_SPLIT,
    /** Dimension 2i with 2i + 1, as Meta stores Llama. */
    INTERLEAVED
  }

  public RotaryConfig {
    checkArgument(
        theta > 0 && theta < Double.POSITIVE_INFINITY,
        "rotary: theta must be above 0, got %s",
        theta);
    checkArgument(
        dimensions >= 0 && dimensions <= MAX_DIMENSIONS && dimensions % 2 == 0,
        "rotary: dimensions must be even and at most %s (0 for the whole head), got %s",
        MAX_DIMENSIONS,
        dimensions);
    checkNotNull(pairing, "rotary: pairing is null");
    checkNotNull(scaling, "rotary: scaling is null");
  }

  /** The whole head, half-split, no scaling. */
  public static RotaryConfig of(double theta) {
    return new RotaryConfig(theta, 0, Pairing.HALF_SPLIT, RotaryScaling.NONE);
  }

  public RotaryConfig withTheta(double theta) {
    return new RotaryConfig(theta, dimensions, pairing, scaling);
  }

  public RotaryConfig withDimensions(int dimensions) {
    return new RotaryConfig(theta, dimensions, pairing, scaling);
  }

  public RotaryConfig withPairing(Pairing pairing) {
    return new RotaryConfig(theta, dimensions, pairing, scaling);
  }

  public RotaryConfig withScaling(RotaryScaling scaling) {
    return new RotaryConfig(theta, dimensions, pairing, scaling);
  }

  /**
   * Returns how many leading dimensions of a head of {@code headDim} are rotated.
   *
   * @throws IllegalArgumentException if that is odd, or more than the head has, or the scaling is
   *     made for another number
   */
  public int rotatedDimensions(int headDim) {
    int rotated = dimensions == 0 ? headDim : dimensions;
    checkArgument(
        rotated % 2 == 0 && headDim <= MAX_DIMENSIONS,
        "rotary: the head dimension must be even and at most %s to be rotated whole, got D=%s. Set an"
            + " even number of rotary dimensions, or change the head size.",
        MAX_DIMENSIONS,
        headDim);
    checkArgument(
        rotated <= headDim,
        "rotary: %s dimensions are to be rotated but a head has D=%s",
        rotated,
        headDim);
    if (scaling instanceof RotaryScaling.LongRope longRope) {
      longRope.checkPairs(rotated / 2);
    }
    return rotated;
  }

  /** Returns this configuration as the JSON that a saved graph holds. */
  public String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new AssertionError("a record of numbers and words always has a JSON form", e);
    }
  }

  /**
   * Reads the JSON of {@link #toJson}.
   *
   * @throws IllegalArgumentException if the text is not such JSON or a value is out of range
   */
  public static RotaryConfig fromJson(String json) {
    try {
      return JSON.readValue(json, RotaryConfig.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not the JSON of a RotaryConfig: " + json, e);
    }
  }
}
