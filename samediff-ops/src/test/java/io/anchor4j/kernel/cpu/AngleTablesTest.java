package io.anchor4j.kernel.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;

class AngleTablesTest {
  private static final RotaryConfig CONFIG = RotaryConfig.of(500_000);

  /** Rows of 1 to {@code tokens} tokens, each beginning as the shorter ones do: a decoded batch. */
  private static int[][] positions(int tokens) {
    var random = new Random(7);
    var rows = new int[2][tokens];
    for (int t = 0; t < tokens; t++) {
      rows[0][t] = t - 3;
      rows[1][t] = random.nextInt(200_000);
    }
    return rows;
  }

  private static void assertExact(
      AngleTables tables, RotaryConfig config, int headDim, int[][] positions) {
    FloatPointer table = tables.retain(config, headDim, positions);
    int dimensions = config.rotatedDimensions(headDim);
    var actual = new float[positions.length * positions[0].length * dimensions];
    table.get(actual);
    table.releaseReference();
    var expected = new float[actual.length];
    int i = 0;
    for (int[] row : positions) {
      var angles = RotaryAngles.of(config, row, headDim);
      for (int t = 0; t < row.length; t++) {
        for (int pair = 0; pair < angles.pairs(); pair++) {
          expected[i++] = (float) angles.cosine(t, pair);
          expected[i++] = (float) angles.sine(t, pair);
        }
      }
    }
    assertArrayEquals(expected, actual);
  }

  @Test
  void everyTableIsTheExactAnglesRoundedWhateverWasAskedForBefore() {
    var tables = new AngleTables();
    RotaryConfig[] configs = {
      CONFIG,
      CONFIG.withTheta(10_000),
      CONFIG.withDimensions(6),
      CONFIG.withScaling(new RotaryScaling.DynamicNtk(2, 32)),
      CONFIG.withScaling(RotaryScaling.Yarn.of(8, 64)),
      CONFIG
          .withDimensions(4)
          .withScaling(new RotaryScaling.LongRope(List.of(1.0, 1.5), List.of(2.0, 8.0), 250, 1.2))
    };
    for (int round = 0; round < 2; round++) {
      for (RotaryConfig config : configs) {
        for (int tokens : new int[] {1, 2, 300, 301, 40, 700}) {
          assertExact(tables, config, 16, positions(tokens));
          assertExact(tables, config, 8, positions(tokens));
        }
      }
    }
  }

  @Test
  void layersOfAStepShareOneTableAndOthersDoNotDisturbIt() {
    var tables = new AngleTables();
    FloatPointer first = tables.retain(CONFIG, 16, positions(50));
    for (int other = 1; other <= 3; other++) {
      tables.retain(CONFIG, 16, positions(50 + other)).releaseReference();
      FloatPointer again = tables.retain(CONFIG, 16, positions(50));
      assertEquals(first.address(), again.address());
      again.releaseReference();
    }
    for (int other = 1; other <= 4; other++) {
      tables.retain(CONFIG, 16, positions(100 + other)).releaseReference();
    }
    FloatPointer anew = tables.retain(CONFIG, 16, positions(50));
    assertNotEquals(first.address(), anew.address());
    // Still held by its first caller, though it is no longer kept.
    assertEquals(anew.get(60), first.get(60));
    assertEquals(1, first.referenceCount());
    anew.releaseReference();
    first.releaseReference();
  }
}
