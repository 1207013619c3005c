package io.anchor4j.data;

/** How the tokens of a packed row are numbered for rotary embedding. */
public enum Positions {
  /** 0 to T-1 along the row, whatever the documents. */
  CONTINUOUS,
  /**
   * Anchors take 0 to A-1 in their order, A being their number in the row; every document counts on
   * from A; padding has 0.
   */
  PER_DOCUMENT;

  /** Returns the word for this choice on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  /**
   * Returns the choice that {@code word} names.
   *
   * @throws IllegalArgumentException if {@code word} is none of the words of {@link #cliName}
   */
  public static Positions parse(String word) {
    return CliNames.parse(Positions.class, "positions", word);
  }
}
