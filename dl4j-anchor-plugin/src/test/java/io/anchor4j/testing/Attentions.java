package io.anchor4j.testing;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;

/** Attention configurations for tests. */
public final class Attentions {
  private Attentions() {}

  /** Returns one in which nothing has its default. */
  public static AttentionConfig nothingAtItsDefault() {
    var scaling = new RotaryScaling.Yarn(8, 2048, 30, 2, 1.25, false);
    var rotary = new RotaryConfig(77, 6, RotaryConfig.Pairing.INTERLEAVED, scaling);
    return new AttentionConfig(
        AttentionMask.INTRA_DOCUMENT, false, 9, 0.3, true, rotary, Precision.BFLOAT16_COMPENSATED);
  }
}
