package io.anchor4j.data;

import java.util.OptionalInt;

/**
 * The token ids that packing puts between and around documents.
 *
 * @param begin beginning of a sequence
 * @param end end of a sequence: put after every document
 * @param pad padding: fills rows; where there is none, id 0 does, which no mask lets be seen
 * @param anchor what anchors are made of
 */
public record SpecialTokens(
    OptionalInt begin, OptionalInt end, OptionalInt pad, OptionalInt anchor) {
  /** No special token at all. */
  public static final SpecialTokens NONE =
      new SpecialTokens(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());

  /** Takes the usual anchors: the beginning of a sequence, or where there is none its end. */
  public SpecialTokens(OptionalInt begin, OptionalInt end, OptionalInt pad) {
    this(begin, end, pad, begin.isPresent() ? begin : end);
  }

  /** Returns these tokens with anchors of {@code id}. */
  public SpecialTokens withAnchor(int id) {
    return new SpecialTokens(begin, end, pad, OptionalInt.of(id));
  }

  /**
   * Returns the token that anchors are made of.
   *
   * @throws IllegalArgumentException if there is none
   */
  public int anchorId() {
    return anchor.orElseThrow(
        () ->
            new IllegalArgumentException(
                "anchorTokens above 0 needs a beginning-of-sequence or end-of-sequence id, and the"
                    + " tokenizer has neither. Set anchorTokens to 0, or name a token with"
                    + " anchorToken."));
  }

  int paddingId() {
    return pad.orElse(0);
  }
}
