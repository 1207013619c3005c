package io.anchor4j.huggingface.tokenizer;

/** The spaces that {@code clean_up_tokenization_spaces} takes out of a decoded text. */
final class SpaceCleanUp {
  private SpaceCleanUp() {}

  /**
   * transformers 5 leaves the spaces of BPE as they are unless told twice, since they are the
   * text's own.
   */
  static boolean isAskedFor(TokenizerFiles files) {
    String key = "clean_up_tokenization_spaces";
    return files.config().booleanOr(key, false)
        && (!files.vocabulary().isBpe()
            || files
                .config()
                .booleanOr(key + "_for_bpe_even_though_it_will_corrupt_output", false));
  }

  static String of(String text) {
    return text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re");
  }
}
