package io.anchor4j.generation;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Set;

/**
 * How long a text goes on and how its tokens are chosen.
 *
 * @param maxNewTokens most tokens added to a prompt
 * @param repetitionPenalty what logits of tokens that the row holds already are divided by, or
 *     multiplied by where they are negative, also at temperature 0; 1 leaves them
 * @param temperature what logits are divided by; 0 takes the likeliest token, whatever the rest
 *     says
 * @param topK draws from the k likeliest tokens alone, and from those as likely as the k-th; 0 for
 *     all
 * @param topP draws from the likeliest tokens alone that together reach this probability; 1 for all
 * @param seed decides all draws; each row of a batch draws from a stream of its own
 * @param stopIds a token of these, which is added, ends the row
 */
public record GenerationConfig(
    int maxNewTokens,
    double repetitionPenalty,
    double temperature,
    int topK,
    double topP,
    long seed,
    Set<Integer> stopIds) {

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of range, naming it and the range
   */
  public GenerationConfig {
    checkArgument(maxNewTokens > 0, "maxNewTokens must be 1 or more, got %s", maxNewTokens);
    checkArgument(
        repetitionPenalty > 0 && repetitionPenalty < Double.POSITIVE_INFINITY,
        "repetitionPenalty must be above 0 (1 for none), got %s",
        repetitionPenalty);
    checkArgument(
        temperature >= 0 && temperature < Double.POSITIVE_INFINITY,
        "temperature must be 0 (for the likeliest token) or more, got %s",
        temperature);
    checkArgument(topK >= 0, "topK must be 0 (for all tokens) or more, got %s", topK);
    checkArgument(topP > 0 && topP <= 1, "topP must be above 0 and at most 1, got %s", topP);
    stopIds = Set.copyOf(stopIds);
  }

  /** The likeliest tokens, up to that many, without a stop. */
  public static GenerationConfig greedy(int maxNewTokens) {
    return new GenerationConfig(maxNewTokens, 1, 0, 0, 1, 0, Set.of());
  }

  /** Returns this with another repetition penalty. */
  public GenerationConfig withRepetitionPenalty(double repetitionPenalty) {
    return new GenerationConfig(
        maxNewTokens, repetitionPenalty, temperature, topK, topP, seed, stopIds);
  }

  /** Returns this with other draws. */
  public GenerationConfig withSampling(double temperature, int topK, double topP, long seed) {
    return new GenerationConfig(
        maxNewTokens, repetitionPenalty, temperature, topK, topP, seed, stopIds);
  }

  /** Returns this with other ids that end a row. */
  public GenerationConfig withStopIds(Set<Integer> stopIds) {
    return new GenerationConfig(
        maxNewTokens, repetitionPenalty, temperature, topK, topP, seed, stopIds);
  }
}
