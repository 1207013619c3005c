package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.kernel.Bfloat16;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Bfloat16PositionsTest {
  /** The shares of the paper on this effect, at each power of two. */
  @ParameterizedTest
  @CsvSource({"256, 100", "512, 75", "1024, 50", "2048, 31.25", "4096, 18.75", "131072, 1.07"})
  void shareThatSurvivesHalvesWithLength(int length, double percent) {
    assertEquals(percent, 100.0 * Bfloat16Positions.exact(length) / length, 0.005);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 255, 257, 300, 1000, 5000})
  void countIsThatOfRoundingEachPosition(int length) {
    int survive = 0;
    for (int position = 0; position < length; position++) {
      survive += Bfloat16.round(position) == position ? 1 : 0;
    }
    assertEquals(survive, Bfloat16Positions.exact(length));
  }
}
