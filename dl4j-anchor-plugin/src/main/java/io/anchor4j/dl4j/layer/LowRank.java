package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.Serializable;
import java.util.List;

/**
 * Low-rank adapters (LoRA) of a layer: to the product {@code x W} of each weight named is added
 * {@code scale dropout(x) A B}.
 *
 * <p>A [in, rank] and B [rank, out] are trained parameters of the layer, under the keys of {@link
 * #reducingKey} and {@link #expandingKey}. A starts uniformly within 1 / sqrt(in), B at 0, as in
 * PEFT, so that a fresh adapter changes nothing.
 *
 * @param rank columns of A and rows of B, at least 1
 * @param scale factor of the adapter's product; alpha / rank in the paper
 * @param dropout probability that an input of A is 0 in training, from 0 to below 1; drawn from
 *     ND4J's generator
 * @param weights keys of the weights that have an adapter
 * @see <a href="https://arxiv.org/abs/2106.09685">LoRA: Low-Rank Adaptation of Large Language
 *     Models</a>
 */
public record LowRank(int rank, double scale, double dropout, List<String> weights)
    implements Serializable {

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public LowRank {
    checkArgument(rank >= 1, "LowRank: rank must be 1 or more, got %s", rank);
    checkArgument(Double.isFinite(scale), "LowRank: scale must be finite, got %s", scale);
    checkArgument(
        dropout >= 0 && dropout < 1, "LowRank: dropout must be from 0 to below 1, got %s", dropout);
    weights = List.copyOf(weights);
  }

  /** Returns the key of A [in, rank] of a weight. */
  public static String reducingKey(String weight) {
    return weight + "LoraA";
  }

  /** Returns the key of B [rank, out] of a weight. */
  public static String expandingKey(String weight) {
    return weight + "LoraB";
  }
}
