package io.anchor4j.data;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.kernel.KernelProvider;
import java.util.Arrays;
import java.util.Objects;

/**
 * A packed row: T tokens of one or more documents, each token with the id of its document.
 *
 * <p>Document ids: 0 for an anchor, n &gt; 0 for document n, -1 for padding. They need not be
 * sorted or contiguous: the pieces of a document may stand apart, and anchors anywhere.
 *
 * <p>The arrays are kept, not copied: whoever made them must not change them.
 *
 * @param inputIds [T] token ids
 * @param documentIds [T]
 * @param positionIds [T] positions that win over any {@link Positions}, or null to derive them
 * @param labels [T] what is to be predicted at each token from the tokens before it, -100 for
 *     nothing, or null for the token ids themselves
 */
@SuppressWarnings("ArrayRecordComponent") // equals, hashCode and toString are written for arrays.
public record PackedRow(int[] inputIds, int[] documentIds, int[] positionIds, int[] labels) {
  /** The document id of a token that every document may see. */
  public static final int ANCHOR = AttentionMask.ANCHOR_ID;

  /** The document id of a token that is not there. */
  public static final int PADDING = AttentionMask.PADDING_ID;

  /** The label or target that does not count. */
  public static final int IGNORED = KernelProvider.IGNORED_TARGET;

  /**
   * Checks the row.
   *
   * @throws IllegalArgumentException if the row is empty, lengths differ, a token id or position is
   *     negative, a document id is below -1, or a label is negative but not -100
   */
  public PackedRow {
    Objects.requireNonNull(inputIds, "inputIds");
    Objects.requireNonNull(documentIds, "documentIds");
    if (inputIds.length == 0) {
      throw new IllegalArgumentException("\"input_ids\" is empty: a row holds at least one token");
    }
    checkArray("input_ids", inputIds, inputIds.length, 0);
    checkArray("document_ids", documentIds, inputIds.length, PADDING);
    if (positionIds != null) {
      checkArray("position_ids", positionIds, inputIds.length, 0);
    }
    if (labels != null) {
      checkLabels(labels, inputIds.length);
    }
  }

  /** A row whose positions are derived and whose labels are its tokens. */
  public PackedRow(int[] inputIds, int[] documentIds) {
    this(inputIds, documentIds, null, null);
  }

  private static void checkArray(String name, int[] values, int length, int least) {
    checkLength(name, values, length);
    for (int t = 0; t < length; t++) {
      if (values[t] < least) {
        throw new IllegalArgumentException(
            "\"" + name + "\"[" + t + "] is " + values[t] + ", must be at least " + least);
      }
    }
  }

  private static void checkLabels(int[] labels, int length) {
    checkLength("labels", labels, length);
    for (int t = 0; t < length; t++) {
      if (labels[t] < 0 && labels[t] != IGNORED) {
        throw new IllegalArgumentException(
            "\"labels\"[" + t + "] is " + labels[t] + ", must be a token id or -100");
      }
    }
  }

  private static void checkLength(String name, int[] values, int length) {
    if (values.length != length) {
      throw new IllegalArgumentException(
          "\"%s\" has %d entries, \"input_ids\" has %d: they must be as many"
              .formatted(name, values.length, length));
    }
  }

  /** Returns T, the number of tokens with padding. */
  public int length() {
    return inputIds.length;
  }

  /**
   * Checks that every token and label is in a vocabulary.
   *
   * @param vocabularySize number of tokens in the vocabulary
   * @throws IllegalArgumentException if a token id or label is at or above {@code vocabularySize}
   */
  public void checkVocabulary(int vocabularySize) {
    Vocabulary.check("\"input_ids\"", inputIds, vocabularySize);
    if (labels != null) {
      Vocabulary.check("\"labels\"", labels, vocabularySize);
    }
  }

  /** Returns the positions [T]: the explicit ones where the row has them, else by {@code rule}. */
  public int[] positions(Positions rule) {
    return positionIds != null ? positionIds.clone() : rule.of(documentIds);
  }

  /**
   * Returns the targets [T], shifted to the outputs that predict them: entry t is the id that
   * output t must predict, which is the label of token t + 1, or -100 where that does not count.
   *
   * <p>A label counts unless it is -100, its token or the token before it is padding, or, under
   * {@link BoundaryLabels#IGNORE}, these two differ in document id. The last output has no target.
   */
  public int[] targets(BoundaryLabels boundaries) {
    int[] own = labels == null ? inputIds : labels;
    int[] targets = new int[length()];
    Arrays.fill(targets, IGNORED);
    for (int t = 0; t + 1 < targets.length; t++) {
      int from = documentIds[t];
      int to = documentIds[t + 1];
      boolean counts = from != PADDING && to != PADDING;
      if (counts && (boundaries == BoundaryLabels.KEEP || from == to)) {
        targets[t] = own[t + 1];
      }
    }
    return targets;
  }

  /** Returns how many of {@code targets} count, that is, are not -100. */
  public static int countTargets(int[] targets) {
    return (int) Arrays.stream(targets).filter(target -> target != IGNORED).count();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PackedRow row
        && Arrays.equals(inputIds, row.inputIds)
        && Arrays.equals(documentIds, row.documentIds)
        && Arrays.equals(positionIds, row.positionIds)
        && Arrays.equals(labels, row.labels);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(inputIds) + Arrays.hashCode(documentIds);
  }

  @Override
  public String toString() {
    return "PackedRow[T=%d, inputIds=%s, documentIds=%s, positionIds=%s, labels=%s]"
        .formatted(
            length(),
            Arrays.toString(inputIds),
            Arrays.toString(documentIds),
            Arrays.toString(positionIds),
            Arrays.toString(labels));
  }
}
