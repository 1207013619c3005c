package io.anchor4j.decoder;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.AttentionShapes;

/**
 * The architecture of a decoder: Llama's, and what its relatives do otherwise.
 *
 * @param vocabularySize V
 * @param hiddenSize C, channels between blocks
 * @param intermediateSize F, channels inside the feed-forward part
 * @param layers number of blocks
 * @param heads H, query heads
 * @param kvHeads Hkv, key/value heads, a divisor of {@code heads}
 * @param headDim D; H*D need not be C
 * @param rmsNormEpsilon what the norms add to the mean square
 * @param maxPositions context length the model is meant for; nothing is refused beyond it
 * @param tiedEmbeddings whether the output uses the embedding's vectors
 * @param initializerRange standard deviation of fresh weights
 * @param blocks biases, norms inside attention, and in what layers differ
 * @param attention mask, window, rotary embedding and precision; the precision is also that of all
 *     other matrix products
 */
public record DecoderConfig(
    int vocabularySize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    double rmsNormEpsilon,
    int maxPositions,
    boolean tiedEmbeddings,
    double initializerRange,
    BlockOptions blocks,
    AttentionConfig attention) {

  /**
   * Checks the sizes against each other.
   *
   * @throws IllegalArgumentException if one is out of range, naming it and the rule
   */
  public DecoderConfig {
    checkSize("vocabularySize", vocabularySize);
    checkSize("hiddenSize", hiddenSize);
    checkSize("intermediateSize", intermediateSize);
    checkSize("layers", layers);
    checkSize("heads", heads);
    checkSize("kvHeads", kvHeads);
    checkSize("headDim", headDim);
    checkSize("maxPositions", maxPositions);
    checkArgument(
        heads % kvHeads == 0,
        "decoder: heads must be a multiple of kvHeads, got heads=%s and kvHeads=%s",
        heads,
        kvHeads);
    checkArgument(
        headDim <= AttentionShapes.MAX_HEAD_DIM,
        "decoder: headDim must be at most %s, got %s. Use more, smaller heads.",
        AttentionShapes.MAX_HEAD_DIM,
        headDim);
    checkArgument(
        rmsNormEpsilon > 0 && rmsNormEpsilon < 1,
        "decoder: rmsNormEpsilon must be between 0 and 1, got %s",
        rmsNormEpsilon);
    checkArgument(
        initializerRange > 0 && initializerRange < Double.POSITIVE_INFINITY,
        "decoder: initializerRange, the standard deviation of fresh weights, must be above 0, got %s",
        initializerRange);
    Preconditions.checkNotNull(blocks, "decoder: blocks is null");
    blocks.check(layers);
    Preconditions.checkNotNull(attention, "decoder: attention is null");
    checkArgument(
        attention.causal(),
        "decoder: attention must be causal, or a token would be predicted from itself");
    if (attention.rotary() != null) {
      attention.rotary().rotatedDimensions(headDim);
    }
  }

  private static void checkSize(String name, int size) {
    checkArgument(size > 0, "decoder: %s must be 1 or more, got %s", name, size);
  }

  /** Returns this architecture with another attention: mask, rotary embedding, precision. */
  public DecoderConfig withAttention(AttentionConfig attention) {
    return with(blocks, attention);
  }

  /** Returns what attention computes in layer {@code index}, from 0. */
  public AttentionConfig attention(int index) {
    return blocks.attention(attention, index);
  }

  /** Returns this architecture with other blocks. */
  public DecoderConfig withBlocks(BlockOptions blocks) {
    return with(blocks, attention);
  }

  /** Returns this architecture under another mask. */
  public DecoderConfig withMask(AttentionMask mask) {
    return withAttention(attention.withMask(mask));
  }

  private DecoderConfig with(BlockOptions blocks, AttentionConfig attention) {
    return new DecoderConfig(
        vocabularySize,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        kvHeads,
        headDim,
        rmsNormEpsilon,
        maxPositions,
        tiedEmbeddings,
        initializerRange,
        blocks,
        attention);
  }

  /** Returns the number of trained numbers, tied embeddings counted once. */
  public long parameters() {
    long c = hiddenSize;
    long f = intermediateSize;
    long queries = (long) heads * headDim;
    long keys = (long) kvHeads * headDim;
    long attentionWeights = c * queries + 2 * c * keys + queries * c;
    long attentionBiases =
        (blocks.queryKeyValueBias() ? queries + 2 * keys : 0) + (blocks.projectionBias() ? c : 0);
    long mlp = 3 * c * f + (blocks.mlpBias() ? 2 * f + c : 0);
    long norms = 2 * c + (blocks.queryKeyNorm() ? 2 * headDim : 0);
    long block = attentionWeights + attentionBiases + mlp + norms;
    long embeddings = c * vocabularySize * (tiedEmbeddings ? 1 : 2);
    return embeddings + layers * block + c;
  }
}
