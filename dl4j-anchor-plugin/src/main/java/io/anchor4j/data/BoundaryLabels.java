package io.anchor4j.data;

import io.anchor4j.attention.CliNames;

/** Whether a token is predicted from a token of another document. */
public enum BoundaryLabels {
  /** A token whose document id differs from the previous token's is no target. */
  IGNORE,
  /** Every token is a target, the first of each document too. */
  KEEP;

  /** Returns the word for this choice on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  /**
   * Returns the choice that {@code word} names.
   *
   * @throws IllegalArgumentException if {@code word} is none of the words of {@link #cliName}
   */
  public static BoundaryLabels parse(String word) {
    return CliNames.parse(BoundaryLabels.class, "boundaryLabels", word);
  }
}
