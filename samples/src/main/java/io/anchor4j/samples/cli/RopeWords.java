package io.anchor4j.samples.cli;

import io.anchor4j.rotary.RotaryScaling;
import io.anchor4j.rotary.RotaryScaling.DynamicNtk;
import io.anchor4j.rotary.RotaryScaling.Linear;
import io.anchor4j.rotary.RotaryScaling.Llama3;
import io.anchor4j.rotary.RotaryScaling.LongRope;
import io.anchor4j.rotary.RotaryScaling.None;
import io.anchor4j.rotary.RotaryScaling.Yarn;
import java.util.List;

/** A scaling of the rotary embedding in the names that config.json has for it. */
final class RopeWords {
  private RopeWords() {}

  /** Returns, for example, "linear, factor 4.0"; of a list, a number a frequency, the ends. */
  static String of(RotaryScaling scaling) {
    if (scaling instanceof None) {
      return "default";
    }
    if (scaling instanceof Linear linear) {
      return "linear, factor " + linear.factor();
    }
    if (scaling instanceof DynamicNtk dynamic) {
      return "dynamic, factor %s beyond max_position_embeddings %d"
          .formatted(dynamic.factor(), dynamic.maxPositions());
    }
    if (scaling instanceof Yarn yarn) {
      return "yarn, factor %s, original_max_position_embeddings %d, beta_fast %s, beta_slow %s, attention_factor %s, truncate %s"
          .formatted(
              yarn.factor(),
              yarn.originalMaxPositions(),
              yarn.betaFast(),
              yarn.betaSlow(),
              yarn.attentionFactor(),
              yarn.truncate());
    }
    if (scaling instanceof Llama3 llama3) {
      return "llama3, factor %s, low_freq_factor %s, high_freq_factor %s, original_max_position_embeddings %d"
          .formatted(
              llama3.factor(),
              llama3.lowFrequencyFactor(),
              llama3.highFrequencyFactor(),
              llama3.originalMaxPositions());
    }
    var longRope = (LongRope) scaling;
    return "longrope, short_factor %s, long_factor %s, original_max_position_embeddings %d, attention_factor %s"
        .formatted(
            ends(longRope.shortFactors()),
            ends(longRope.longFactors()),
            longRope.originalMaxPositions(),
            longRope.attentionFactor());
  }

  private static String ends(List<Double> factors) {
    return factors.get(0) + " ... " + factors.get(factors.size() - 1);
  }
}
