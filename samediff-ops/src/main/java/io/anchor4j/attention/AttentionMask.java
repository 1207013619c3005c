package io.anchor4j.attention;

/**
 * Who sees whom among the documents packed into one row.
 *
 * <p>Every token carries a document id: {@link #ANCHOR_ID} 0 for an anchor, n &gt; 0 for document
 * n, {@link #PADDING_ID} -1 for padding. Ids need not be contiguous or sorted. Padding is never
 * seen and sees nothing. For one anchor and documents of two and three tokens (rows are queries):
 *
 * <pre>
 *   id      FULL          INTRA_DOCUMENT   ANCHOR
 *   0       1 . . . . .   1 . . . . .      1 . . . . .
 *   1       1 1 . . . .   . 1 . . . .      1 1 . . . .
 *   1       1 1 1 . . .   . 1 1 . . .      1 1 1 . . .
 *   2       1 1 1 1 . .   . . . 1 . .      1 . . 1 . .
 *   2       1 1 1 1 1 .   . . . 1 1 .      1 . . 1 1 .
 *   2       1 1 1 1 1 1   . . . 1 1 1      1 . . 1 1 1
 * </pre>
 *
 * @see <a href="https://arxiv.org/abs/2411.13476">AnchorAttention</a>
 */
public enum AttentionMask {
  /** Documents do not matter. */
  FULL {
    @Override
    boolean sees(int queryDocument, int keyDocument) {
      return true;
    }
  },
  /** A token sees its own document. */
  INTRA_DOCUMENT {
    @Override
    boolean sees(int queryDocument, int keyDocument) {
      return keyDocument == queryDocument;
    }
  },
  /** A token sees its own document and every anchor. */
  ANCHOR {
    @Override
    boolean sees(int queryDocument, int keyDocument) {
      return keyDocument == queryDocument || keyDocument == ANCHOR_ID;
    }
  };

  /** The document id of an anchor. */
  public static final int ANCHOR_ID = 0;

  /** The document id of padding. */
  public static final int PADDING_ID = -1;

  /** The rule of this mask for two tokens that are not padding. */
  abstract boolean sees(int queryDocument, int keyDocument);

  /**
   * Returns whether query token {@code q} sees key token {@code k}: the whole rule, which every
   * kernel is tested against.
   *
   * @param documents document id of every token of the row
   * @param causal whether a token sees no later one
   * @param window 0, or the distance from which on tokens are out of sight; anchors stay in sight
   *     under {@link #INTRA_DOCUMENT} and {@link #ANCHOR}
   */
  public boolean visible(int[] documents, int q, int k, boolean causal, int window) {
    if (documents[q] == PADDING_ID || documents[k] == PADDING_ID) {
      return false;
    }
    if (causal && k > q) {
      return false;
    }
    boolean stays = this != FULL && documents[k] == ANCHOR_ID;
    boolean inWindow = window == 0 || Math.abs(q - k) < window || stays;
    return inWindow && sees(documents[q], documents[k]);
  }

  /** Returns the name used on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  @Override
  public String toString() {
    return cliName();
  }

  /**
   * Returns the mask of that {@linkplain #cliName name}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static AttentionMask parse(String name) {
    return CliNames.parse(AttentionMask.class, "attention", name);
  }
}
