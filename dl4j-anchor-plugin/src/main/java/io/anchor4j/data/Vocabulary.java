package io.anchor4j.data;

/** The check that token ids lie in a vocabulary. */
final class Vocabulary {
  private Vocabulary() {}

  /**
   * Checks the upper bound of token ids or labels; negative values are not its concern.
   *
   * @throws IllegalArgumentException if an entry is at or above {@code vocabularySize}
   */
  static void check(String name, int[] ids, int vocabularySize) {
    check(name, ids, 0, vocabularySize);
  }

  /** The same for ids that stand from entry {@code first} of the array {@code name}. */
  static void check(String name, int[] ids, int first, int vocabularySize) {
    for (int t = 0; t < ids.length; t++) {
      if (ids[t] >= vocabularySize) {
        throw new IllegalArgumentException(
            "%s[%d] is %d, outside the vocabulary of %d tokens (0 to %d)"
                .formatted(name, first + t, ids[t], vocabularySize, vocabularySize - 1));
      }
    }
  }
}
