package io.anchor4j.attention;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import io.anchor4j.rotary.RotaryScaling;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class AttentionConfigTest {

  @Test
  void everySettingSurvivesJson() {
    for (RotaryScaling scaling :
        List.of(
            RotaryScaling.NONE,
            new RotaryScaling.Linear(4),
            new RotaryScaling.DynamicNtk(2, 2048),
            new RotaryScaling.Yarn(16, 4096, 31, 2, 1.3, false),
            new RotaryScaling.Llama3(8, 1.5, 4.5, 8192),
            new RotaryScaling.LongRope(List.of(1.0, 1.25), List.of(2.5, 9.0), 4096, 1.2))) {
      var config =
          new AttentionConfig(
              AttentionMask.ANCHOR,
              false,
              17,
              0.25,
              true,
              new RotaryConfig(5e5, 32, Pairing.INTERLEAVED, scaling),
              Precision.BFLOAT16_COMPENSATED);
      assertEquals(config, AttentionConfig.fromJson(config.toJson()));
      assertEquals(config.rotary(), RotaryConfig.fromJson(config.rotary().toJson()));
    }
    assertEquals(
        AttentionConfig.DEFAULT, AttentionConfig.fromJson(AttentionConfig.DEFAULT.toJson()));
  }

  @Test
  void aMisspeltOrMissingSettingIsRefused() {
    String json = AttentionConfig.DEFAULT.toJson();
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionConfig.fromJson(json.replace("\"window\"", "\"windows\"")));
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionConfig.fromJson(json.replace("\"causal\":true,", "")));
  }

  @Test
  void badSettingsAreNamedWithWhatWasFound() {
    assertMessage(
        "attention: window must be 0 (none) or more, got -1",
        () -> AttentionConfig.DEFAULT.withWindow(-1));
    assertMessage(
        "rotary: dimensions must be even and at most 256 (0 for the whole head), got 7",
        () -> RotaryConfig.of(10_000).withDimensions(7));
    assertMessage("rotary: theta must be above 0, got -1.0", () -> RotaryConfig.of(-1));
    assertMessage(
        "rotary scaling linear: factor must be 1 or more, got 0.5",
        () -> new RotaryScaling.Linear(0.5));
    assertMessage(
        "attention must be one of full, intra-document, anchor, got \"anchors\"",
        () -> AttentionMask.parse("anchors"));
    assertMessage(
        "precision must be one of float32, bfloat16, bfloat16-compensated, got \"fp16\"",
        () -> Precision.parse("fp16"));
  }

  private static void assertMessage(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void slopesAreThePublishedOnes() {
    assertArrayEquals(
        new double[] {
          1 / 2.0, 1 / 4.0, 1 / 8.0, 1 / 16.0, 1 / 32.0, 1 / 64.0, 1 / 128.0, 1 / 256.0
        },
        Alibi.slopes(8),
        0);
    // Three heads: those of two, then the first of four.
    assertArrayEquals(new double[] {1 / 16.0, 1 / 256.0, 1 / 4.0}, Alibi.slopes(3), 0);
  }
}
