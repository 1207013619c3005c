package io.anchor4j.data;

import java.util.OptionalInt;

/**
 * The token ids that packing puts between and around documents.
 *
 * @param begin beginning of a sequence: anchors are made of it
 * @param end end of a sequence: put after every document, and anchors where there is no begin
 * @param pad padding: fills rows; where there is none, id 0 does, which no mask lets be seen
 */
public record SpecialTokens(OptionalInt begin, OptionalInt end, OptionalInt pad) {
  /** No special token at all. */
  public static final SpecialTokens NONE =
      new SpecialTokens(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());

  /**
   * Returns the token that anchors are made of.
   *
   * @throws IllegalArgumentException if there is neither a begin nor an end
   */
  int anchorId() {
    if (begin.isEmpty() && end.isEmpty()) {
      throw new IllegalArgumentException(
          "anchorTokens above 0 needs a beginning-of-sequence or end-of-sequence id, and the tokenizer has"
              + " neither. Set anchorTokens to 0, or name one of them in the tokenizer's files.");
    }
    return begin.orElseGet(end::getAsInt);
  }

  int paddingId() {
    return pad.orElse(0);
  }
}
