package io.anchor4j.data;

import com.google.common.primitives.ImmutableIntArray;

/** What a row holds of one document: all of it, or a part of one longer than the row. */
final class Piece {
  /** The tag and the document's own tokens. */
  final int[] tokens;

  /** How many of {@link #tokens}, from the first, are the tag. */
  final int tagTokens;

  /** Whether this is the first of several pieces of its document. */
  final boolean startsCutDocument;

  /** Takes tokens {@code start} to {@code end}, exclusive, of {@code document}. */
  Piece(int[] document, int start, int end, ImmutableIntArray tag) {
    tagTokens = tag.length();
    tokens = new int[tagTokens + end - start];
    for (int i = 0; i < tagTokens; i++) {
      tokens[i] = tag.get(i);
    }
    System.arraycopy(document, start, tokens, tagTokens, end - start);
    startsCutDocument = start == 0 && end < document.length;
  }

  int length() {
    return tokens.length;
  }
}
