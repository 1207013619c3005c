package io.anchor4j.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.anchor4j.attention.AttentionConfig;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderSeedTest {
  private static final DecoderConfig CONFIG =
      new DecoderConfig(
          11, 8, 12, 1, 2, 1, 4, 1e-5, 16, true, 0.1, BlockOptions.PLAIN, AttentionConfig.DEFAULT);

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -3, 1L << 40})
  void equalSeedsGiveEqualWeights(long seed) {
    assertEquals(Decoder.create(CONFIG, seed).params(), Decoder.create(CONFIG, seed).params());
    assertNotEquals(
        Decoder.create(CONFIG, seed).params(), Decoder.create(CONFIG, seed + 1).params());
  }
}
