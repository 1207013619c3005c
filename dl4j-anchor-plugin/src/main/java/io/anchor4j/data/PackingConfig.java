package io.anchor4j.data;

import com.google.common.primitives.ImmutableIntArray;
import java.util.Objects;

/**
 * How documents become rows.
 *
 * <p>A row is {@code anchorTokens} anchors, then documents numbered from 1, then padding. A
 * document in a row is the tag, its tokens and, where it ends, the end-of-sequence id.
 *
 * @param sequenceLength number of tokens of every row, with anchors and padding
 * @param packing how rows are filled
 * @param anchorTokens number of anchors at the head of each row, whatever mask will be used, so
 *     that runs under different masks see the same rows
 * @param interleave whether documents are cut in chunks that are spread over their row (see {@link
 *     Packer})
 * @param documentTag ids put at the head of every document, which are never to be predicted
 * @param specialTokens of the tokenizer
 * @param seed of the order of interleaved chunks
 */
public record PackingConfig(
    int sequenceLength,
    Packing packing,
    int anchorTokens,
    boolean interleave,
    ImmutableIntArray documentTag,
    SpecialTokens specialTokens,
    long seed) {

  /**
   * Checks the settings.
   *
   * @throws IllegalArgumentException if a row cannot hold the anchors, the tag and two tokens, or
   *     anchors are wanted and the tokenizer has no id for them
   */
  public PackingConfig {
    Objects.requireNonNull(packing, "packing");
    if (anchorTokens < 0) {
      throw new IllegalArgumentException("anchorTokens must be at least 0, got " + anchorTokens);
    }
    long least = 2L + anchorTokens + documentTag.length();
    if (sequenceLength < least) {
      throw new IllegalArgumentException(
          "sequenceLength must be at least %d (anchorTokens %d, documentTag %d tokens and 2 tokens of a document), got %d"
              .formatted(least, anchorTokens, documentTag.length(), sequenceLength));
    }
    if (anchorTokens > 0) {
      specialTokens.anchorId();
    }
  }

  /**
   * Returns best-fit packing with one anchor, no tag and no interleaving.
   *
   * @throws IllegalArgumentException if a row cannot hold the anchor and two tokens, or the
   *     tokenizer has no id for the anchor
   */
  public static PackingConfig of(int sequenceLength, SpecialTokens specialTokens) {
    return new PackingConfig(
        sequenceLength, Packing.BEST_FIT, 1, false, ImmutableIntArray.of(), specialTokens, 0);
  }

  /** Returns these settings with another way of filling rows. */
  public PackingConfig withPacking(Packing packing) {
    return new PackingConfig(
        sequenceLength, packing, anchorTokens, interleave, documentTag, specialTokens, seed);
  }

  /** Returns these settings with another number of anchors. */
  public PackingConfig withAnchorTokens(int anchorTokens) {
    return new PackingConfig(
        sequenceLength, packing, anchorTokens, interleave, documentTag, specialTokens, seed);
  }

  /** Returns these settings with or without interleaving, its order drawn from {@code seed}. */
  public PackingConfig withInterleave(boolean interleave, long seed) {
    return new PackingConfig(
        sequenceLength, packing, anchorTokens, interleave, documentTag, specialTokens, seed);
  }

  /** Returns these settings with other ids at the head of every document. */
  public PackingConfig withDocumentTag(int... documentTag) {
    return new PackingConfig(
        sequenceLength,
        packing,
        anchorTokens,
        interleave,
        ImmutableIntArray.copyOf(documentTag),
        specialTokens,
        seed);
  }

  /** Returns how many tokens of a row are free for documents and their tags. */
  int capacity() {
    return sequenceLength - anchorTokens;
  }
}
