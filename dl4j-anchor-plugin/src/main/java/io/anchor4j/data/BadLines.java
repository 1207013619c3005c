package io.anchor4j.data;

/** What to do with a line that cannot be used. */
@FunctionalInterface
public interface BadLines {
  /**
   * Takes note of a bad line: returns to go on with the next one, or throws to end the reading.
   *
   * @throws BadLineException to end the reading
   */
  void accept(BadLineException badLine);

  /** Returns the strict way: the first bad line is thrown. */
  static BadLines refuse() {
    return badLine -> {
      throw badLine;
    };
  }
}
