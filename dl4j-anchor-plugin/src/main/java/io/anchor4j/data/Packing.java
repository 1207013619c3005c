package io.anchor4j.data;

import io.anchor4j.attention.CliNames;

/** How documents are laid into rows of equal length. */
public enum Packing {
  /**
   * Each document goes into the fullest row that still holds it, longest documents first, so that
   * only documents longer than a row are cut.
   */
  BEST_FIT,
  /** Documents follow one another and are cut wherever a row ends; only the last row is padded. */
  WRAPPED;

  /** Returns the word for this choice on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  /**
   * Returns the choice that {@code word} names.
   *
   * @throws IllegalArgumentException if {@code word} is none of the words of {@link #cliName}
   */
  public static Packing parse(String word) {
    return CliNames.parse(Packing.class, "packing", word);
  }
}
