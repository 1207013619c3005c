package io.anchor4j.data;

import java.nio.file.Path;

/** A line of a data file that cannot be used: which file, which line and why. */
public final class BadLineException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final String file;
  private final long line;
  private final String reason;

  /**
   * Describes a line.
   *
   * @param line number of the line, the first being 1
   * @param reason what is wrong, on one line
   */
  public BadLineException(Path file, long line, String reason, Throwable cause) {
    super(file + ", line " + line + ": " + reason, cause);
    this.file = file.toString();
    this.line = line;
    this.reason = reason;
  }

  /** Returns the file as it was named by the user. */
  public String file() {
    return file;
  }

  /** Returns the number of the line, the first being 1. */
  public long line() {
    return line;
  }

  /** Returns what is wrong with the line, without file and number. */
  public String reason() {
    return reason;
  }
}
