package io.anchor4j.attention;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import io.anchor4j.rotary.RotaryConfig;
import java.io.Serializable;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.DeserializationFeature;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * What one attention computes: {@code softmax(scale * rope(q) rope(k)^T + alibi, masked) v}.
 *
 * @param mask who sees whom among packed documents
 * @param causal whether a token sees no later one
 * @param window 0 for none; otherwise a token at distance {@code window} or more is out of sight
 *     (anchors stay in sight, see {@link AttentionMask#visible})
 * @param scale what scores are multiplied by; 0 for {@code 1/sqrt(D)}
 * @param alibi whether scores get linear biases, see {@link Alibi}
 * @param rotary how queries and keys are rotated; null for not at all
 * @param precision number formats of the matrix products
 */
public record AttentionConfig(
    AttentionMask mask,
    boolean causal,
    int window,
    double scale,
    boolean alibi,
    RotaryConfig rotary,
    Precision precision)
    implements Serializable {

  /** Causal, full, scaled by 1/sqrt(D), float32, neither rotated nor biased. */
  public static final AttentionConfig DEFAULT =
      new AttentionConfig(AttentionMask.FULL, true, 0, 0, false, null, Precision.FLOAT32);

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  public AttentionConfig {
    checkNotNull(mask, "attention: mask is null");
    checkNotNull(precision, "attention: precision is null");
    checkArgument(window >= 0, "attention: window must be 0 (none) or more, got %s", window);
    checkArgument(
        scale >= 0 && scale < Double.POSITIVE_INFINITY,
        "attention: scale must be 0 (for 1/sqrt(D)) or more, got %s",
        scale);
  }

  public AttentionConfig withMask(AttentionMask mask) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withCausal(boolean causal) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withWindow(int window) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withScale(double scale) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withAlibi(boolean alibi) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withRotary(RotaryConfig rotary) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  public AttentionConfig withPrecision(Precision precision) {
    return new AttentionConfig(mask, causal, window, scale, alibi, rotary, precision);
  }

  /** Returns the scale for heads of {@code headDim} dimensions. */
  public double scaleFor(int headDim) {
    return scale == 0 ? 1 / Math.sqrt(headDim) : scale;
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
  public static AttentionConfig fromJson(String json) {
    try {
      return JSON.readValue(json, AttentionConfig.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not the JSON of an AttentionConfig: " + json, e);
    }
  }
}
