package io.anchor4j.rotary;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.Serializable;
import java.util.List;
import org.nd4j.shade.jackson.annotation.JsonSubTypes;
import org.nd4j.shade.jackson.annotation.JsonTypeInfo;

/**
 * A way of stretching rotary frequencies so that a model reads further than it was trained.
 *
 * <p>Each is a formula published with its method and carried by the {@code rope_scaling} or {@code
 * rope_parameters} of a Hugging Face configuration; the numbers here are resolved, so that no
 * scaling needs to know the model around it.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = RotaryScaling.None.class, name = "none"),
  @JsonSubTypes.Type(value = RotaryScaling.Linear.class, name = "linear"),
  @JsonSubTypes.Type(value = RotaryScaling.DynamicNtk.class, name = "dynamic"),
  @JsonSubTypes.Type(value = RotaryScaling.Yarn.class, name = "yarn"),
  @JsonSubTypes.Type(value = RotaryScaling.Llama3.class, name = "llama3"),
  @JsonSubTypes.Type(value = RotaryScaling.LongRope.class, name = "longrope")
})
public sealed interface RotaryScaling extends Serializable {

  /** The frequencies as they are. */
  RotaryScaling NONE = new None();

  /** Leaves the frequencies as they are. */
  record None() implements RotaryScaling {}

  /**
   * Divides every frequency by {@code factor} (position interpolation).
   *
   * @see <a href="https://arxiv.org/abs/2306.15595">Chen et al. 2023</a>
   */
  record Linear(double factor) implements RotaryScaling {
    public Linear {
      checkFactor("linear", factor);
    }
  }

  /**
   * Raises the base with the length of the row: below {@code maxPositions} nothing changes.
   *
   * <p>The length is the largest position of the row plus one, each row for itself. (transformers
   * takes it over the whole batch and keeps the largest seen until a shorter call, so that there a
   * row's result depends on its neighbours and on earlier calls.)
   */
  record DynamicNtk(double factor, int maxPositions) implements RotaryScaling {
    public DynamicNtk {
      checkFactor("dynamic", factor);
      checkLength("dynamic", "maxPositions", maxPositions);
    }
  }

  /**
   * YaRN: fast dimensions keep their frequency, slow ones are divided by {@code factor}, with a
   * ramp between {@code betaFast} and {@code betaSlow} rotations over the original context.
   *
   * @param attentionFactor what cosines and sines are multiplied by, so that logits grow by its
   *     square; {@link #defaultAttentionFactor} unless the model says otherwise
   * @param truncate whether the ramp's ends are rounded outwards to whole dimensions
   * @see <a href="https://arxiv.org/abs/2309.00071">Peng et al. 2023</a>
   */
  record Yarn(
      double factor,
      int originalMaxPositions,
      double betaFast,
      double betaSlow,
      double attentionFactor,
      boolean truncate)
      implements RotaryScaling {
    public Yarn {
      checkFactor("yarn", factor);
      checkLength("yarn", "originalMaxPositions", originalMaxPositions);
      checkArgument(
          betaFast > 0 && betaSlow > 0 && betaFast >= betaSlow,
          "rotary scaling yarn: betaFast must be at least betaSlow and both above 0, got %s and %s",
          betaFast,
          betaSlow);
      checkArgument(
          attentionFactor > 0 && attentionFactor < Double.POSITIVE_INFINITY,
          "rotary scaling yarn: attentionFactor must be above 0, got %s",
          attentionFactor);
    }

    /** YaRN with the paper's ramp (32, 1) and attention factor. */
    public static Yarn of(double factor, int originalMaxPositions) {
      return new Yarn(
          factor,
          originalMaxPositions,
          32,
          1,
          defaultAttentionFactor(factor),
          /* truncate= */ true);
    }

    /** The paper's 0.1 ln(factor) + 1, and 1 where nothing is stretched. */
    public static double defaultAttentionFactor(double factor) {
      return factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
    }
  }

  /**
   * Llama 3: wavelengths above {@code originalMaxPositions / lowFrequencyFactor} are stretched by
   * {@code factor}, those below {@code originalMaxPositions / highFrequencyFactor} are kept, and
   * between the two the frequency is interpolated.
   */
  record Llama3(
      double factor,
      double lowFrequencyFactor,
      double highFrequencyFactor,
      int originalMaxPositions)
      implements RotaryScaling {
    public Llama3 {
      checkFactor("llama3", factor);
      checkLength("llama3", "originalMaxPositions", originalMaxPositions);
      checkArgument(
          lowFrequencyFactor > 0 && highFrequencyFactor > lowFrequencyFactor,
          "rotary scaling llama3: highFrequencyFactor must be above lowFrequencyFactor and both above"
              + " 0, got %s and %s",
          highFrequencyFactor,
          lowFrequencyFactor);
    }
  }

  /**
   * LongRoPE: each pair's frequency is divided by a factor of its own, from one list up to the
   * original length and from another beyond it.
   *
   * <p>The length is the largest position of the row plus one, each row for itself, as in {@link
   * DynamicNtk}.
   *
   * @param shortFactors of rows of up to {@code originalMaxPositions}, one a pair
   * @param longFactors of longer rows, one a pair
   * @param attentionFactor what cosines and sines are multiplied by, whatever the length; {@link
   *     #defaultAttentionFactor} unless the model says otherwise
   * @see <a href="https://arxiv.org/abs/2402.13753">Ding et al. 2024</a>
   */
  record LongRope(
      List<Double> shortFactors,
      List<Double> longFactors,
      int originalMaxPositions,
      double attentionFactor)
      implements RotaryScaling {
    public LongRope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
      checkFactors("shortFactors", shortFactors);
      checkFactors("longFactors", longFactors);
      checkLength("longrope", "originalMaxPositions", originalMaxPositions);
      checkArgument(
          attentionFactor > 0 && attentionFactor < Double.POSITIVE_INFINITY,
          "rotary scaling longrope: attentionFactor must be above 0, got %s",
          attentionFactor);
    }

    private static void checkFactors(String name, List<Double> factors) {
      for (double factor : factors) {
        checkArgument(
            factor > 0 && factor < Double.POSITIVE_INFINITY,
            "rotary scaling longrope: %s must be above 0, got %s",
            name,
            factor);
      }
    }

    /** The paper's sqrt(1 + ln(factor) / ln(original length)), and 1 where nothing is stretched. */
    public static double defaultAttentionFactor(double factor, int originalMaxPositions) {
      return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
    }

    /** Checks that there is a factor for each of {@code pairs}. */
    void checkPairs(int pairs) {
      checkArgument(
          shortFactors.size() == pairs && longFactors.size() == pairs,
          "rotary scaling longrope: shortFactors and longFactors must have one factor for each of %s"
              + " pairs of dimensions, got %s and %s",
          pairs,
          shortFactors.size(),
          longFactors.size());
    }

    /** Returns what the frequencies of a row with that largest position are divided by. */
    List<Double> factors(int largestPosition) {
      return largestPosition >= originalMaxPositions ? longFactors : shortFactors;
    }
  }

  private static void checkFactor(String type, double factor) {
    checkArgument(
        factor >= 1 && factor < Double.POSITIVE_INFINITY,
        "rotary scaling %s: factor must be 1 or more, got %s",
        type,
        factor);
  }

  private static void checkLength(String type, String name, int positions) {
    checkArgument(
        positions > 0, "rotary scaling %s: %s must be above 0, got %s", type, name, positions);
  }
}
