package io.anchor4j.generation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
  /** Logarithms of 0.1, 0.4, 0.2, 0.05, 0.25. */
  private static final float[] LOGITS = logs(0.1, 0.4, 0.2, 0.05, 0.25);

  private static float[] logs(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return logits;
  }

  private static Sampler sampler(double temperature, int topK, double topP, long seed) {
    return new Sampler(GenerationConfig.greedy(1).withSampling(temperature, topK, topP, seed), 0);
  }

  private static void assertProbabilities(
      double temperature, int topK, double topP, double... expected) {
    double[] actual = sampler(temperature, topK, topP, 0).probabilities(LOGITS);
    assertArrayEquals(expected, actual, 1e-7);
  }

  @Test
  void greedyTakesTheFirstOfTheLargest() {
    Sampler greedy = sampler(0, 1, 0.1, 0);
    assertEquals(1, greedy.next(LOGITS));
    assertEquals(1, greedy.next(new float[] {-3, 2, 2}));
    assertEquals(1, greedy.next(new float[] {Float.NEGATIVE_INFINITY, -1e30f}));
  }

  @Test
  void temperatureDividesLogits() {
    assertProbabilities(1, 0, 1, 0.1, 0.4, 0.2, 0.05, 0.25);
    double sum = 0.01 + 0.16 + 0.04 + 0.0025 + 0.0625;
    assertProbabilities(0.5, 0, 1, 0.01 / sum, 0.16 / sum, 0.04 / sum, 0.0025 / sum, 0.0625 / sum);
    assertArrayEquals(new double[] {0, 1, 0, 0, 0}, sampler(1e-300, 0, 1, 0).probabilities(LOGITS));
  }

  /** Numbers of RepetitionPenaltyLogitsProcessor of transformers 5.23, bit for bit. */
  @Test
  void thePenaltyIsThatOfTransformers() {
    assertPenalized(
        1.1,
        new int[] {3, 1, 3, 6, 2},
        2.5f,
        -1.375f,
        0.0f,
        2.8181818f,
        -0.7f,
        1e-3f,
        -8.030001f,
        2.75f);
    assertPenalized(
        0.8, new int[] {0, 4, 7}, 3.125f, -1.25f, 0.0f, 3.1f, -0.56f, 1e-3f, -7.3f, 3.4375f);
    assertPenalized(
        1.05, new int[] {5, 6}, 2.5f, -1.25f, 0.0f, 3.1f, -0.7f, 0.00095238106f, -7.665f, 2.75f);
  }

  private static void assertPenalized(double penalty, int[] prompt, float... expected) {
    GenerationConfig config = GenerationConfig.greedy(1).withRepetitionPenalty(penalty);
    float[] logits = {2.5f, -1.25f, 0, 3.1f, -0.7f, 1e-3f, -7.3f, 2.75f};
    assertArrayEquals(expected, new Sampler(config, 0, prompt).penalized(logits));
  }

  /** 3 / 2 and -1 * 2 fall behind: of the prompt first, then of what was chosen, once each. */
  @Test
  void thePenaltyFallsOnPromptAndChosenAlikeAndBeforeTemperature() {
    float[] logits = {3, -1, 2, 1.75f, -1.5f};
    for (double temperature : new double[] {0, 1e-6}) {
      GenerationConfig config =
          GenerationConfig.greedy(1).withRepetitionPenalty(2).withSampling(temperature, 0, 1, 0);
      var sampler = new Sampler(config, 0, 0);
      int[] chosen = IntStream.range(0, 4).map(i -> sampler.next(logits)).toArray();
      assertArrayEquals(new int[] {2, 3, 0, 0}, chosen);
      assertEquals(1, new Sampler(config, 0, 4).next(new float[] {-2, -1, -3, -4, -0.75f}));
    }
    assertArrayEquals(new float[] {3, -1, 2, 1.75f, -1.5f}, logits);
  }

  @Test
  void topKKeepsTheLargestAndTheirEquals() {
    assertProbabilities(1, 2, 1, 0, 0.4 / 0.65, 0, 0, 0.25 / 0.65);
    assertProbabilities(1, 9, 1, 0.1, 0.4, 0.2, 0.05, 0.25);
    assertArrayEquals(
        new double[] {0.5, 0.5, 0},
        sampler(1, 1, 1, 0).probabilities(new float[] {1, 1, 0}),
        1e-12);
  }

  @Test
  void topPKeepsTheFewestThatReachIt() {
    assertProbabilities(1, 0, 0.6, 0, 0.4 / 0.65, 0, 0, 0.25 / 0.65);
    assertProbabilities(1, 0, 0.66, 0, 0.4 / 0.85, 0.2 / 0.85, 0, 0.25 / 0.85);
    assertProbabilities(1, 0, 1e-9, 0, 1, 0, 0, 0);
  }

  /** Of what top-k left: 0.4 and 0.25 are 0.615 and 0.385 there. */
  @Test
  void topPComesAfterTopKAndTemperature() {
    assertProbabilities(1, 2, 0.61, 0, 1, 0, 0, 0);
    assertProbabilities(1, 2, 0.62, 0, 0.4 / 0.65, 0, 0, 0.25 / 0.65);
    assertProbabilities(0.5, 0, 0.58, 0, 1, 0, 0, 0);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -7})
  void drawsFollowTheProbabilities(long seed) {
    Sampler sampler = sampler(1, 4, 0.9, seed);
    double[] expected = sampler.probabilities(LOGITS);
    int draws = 40_000;
    int[] counts = new int[LOGITS.length];
    for (int i = 0; i < draws; i++) {
      counts[sampler.next(LOGITS)]++;
    }
    double chiSquare = 0;
    for (int id = 0; id < counts.length; id++) {
      if (expected[id] == 0) {
        assertEquals(0, counts[id]);
      } else {
        double mean = expected[id] * draws;
        chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
      }
    }
    assertTrue(chiSquare < 16.3, "chi-square " + chiSquare); // 0.1 % of 3 degrees of freedom
  }

  @Test
  void aSeedAndARowDecideAllDraws() {
    int[] one = draws(5, 0);
    assertArrayEquals(one, draws(5, 0));
    assertTrue(!Arrays.equals(one, draws(6, 0)) && !Arrays.equals(one, draws(5, 1)));
    // Computed in Python from the published generator.
    assertArrayEquals(new int[] {0, 4, 0, 2, 0, 0, 3, 0, 1, 0, 0, 4}, Arrays.copyOf(one, 12));
  }

  private static int[] draws(long seed, int row) {
    var sampler = new Sampler(GenerationConfig.greedy(1).withSampling(1, 0, 1, seed), row);
    return IntStream.range(0, 40).map(i -> sampler.next(LOGITS)).toArray();
  }

  @Test
  void logitsThatAreNoNumbersAreRefused() {
    for (double temperature : new double[] {0, 1}) {
      var thrown =
          assertThrows(
              ArithmeticException.class,
              () -> sampler(temperature, 0, 1, 0).next(new float[] {0, Float.NaN, 1}));
      assertEquals("the logit of token 1 is NaN: no token can be chosen", thrown.getMessage());
    }
  }

  @Test
  void numbersOutOfRangeAreNamed() {
    GenerationConfig good = GenerationConfig.greedy(1);
    assertRefused("maxNewTokens must be 1 or more, got 0", () -> GenerationConfig.greedy(0));
    assertRefused(
        "temperature must be 0 (for the likeliest token) or more, got -1.0",
        () -> good.withSampling(-1, 0, 1, 0));
    assertRefused(
        "temperature must be 0 (for the likeliest token) or more, got NaN",
        () -> good.withSampling(Double.NaN, 0, 1, 0));
    assertRefused(
        "repetitionPenalty must be above 0 (1 for none), got 0.0",
        () -> good.withRepetitionPenalty(0));
    assertRefused(
        "topK must be 0 (for all tokens) or more, got -1", () -> good.withSampling(1, -1, 1, 0));
    assertRefused(
        "topP must be above 0 and at most 1, got 0.0", () -> good.withSampling(1, 0, 0, 0));
    assertEquals(Set.of(2), good.withStopIds(Set.of(2)).stopIds());
  }

  private static void assertRefused(String message, Executable executable) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, executable).getMessage());
  }
}
