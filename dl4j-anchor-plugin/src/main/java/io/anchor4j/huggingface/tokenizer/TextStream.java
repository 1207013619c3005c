package io.anchor4j.huggingface.tokenizer;

import java.util.Arrays;

/**
 * Text that grows token by token, as far as it is final.
 *
 * <p>A character may take several tokens, and a token's text may depend on the one before it, so
 * that each new token is decoded together with the last ones. What comes out, laid end to end, is
 * what decoding all ids at once gives, special tokens left out and spaces not cleaned up; only
 * where bytes make no character may the number of U+FFFD be another.
 */
public final class TextStream {
  private static final char REPLACEMENT = '\ufffd';

  private final Tokenizer tokenizer;
  private int[] ids = {};
  private int given; // how many of the ids have been handed out as text

  TextStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** Takes a token and returns the text that is final with it; empty while a character is open. */
  public String add(int id) {
    ids = Arrays.copyOf(ids, ids.length + 1);
    ids[ids.length - 1] = id;
    String before = decode(given);
    String now = decode(ids.length);
    if (now.length() <= before.length() || now.charAt(now.length() - 1) == REPLACEMENT) {
      return "";
    }
    // The tokens of the last text stay, as context for the next.
    ids = Arrays.copyOfRange(ids, given, ids.length);
    given = ids.length;
    return now.substring(before.length());
  }

  /** Returns the rest, in which a character that was never finished stands as U+FFFD. */
  public String end() {
    return decode(ids.length).substring(decode(given).length());
  }

  private String decode(int end) {
    return tokenizer.decodeAsItIs(Arrays.copyOf(ids, end), /* skipSpecialTokens= */ true);
  }
}
