package io.anchor4j.data;

/** What a {@link TextEncoder} is made of cannot be used, whatever the text: no line is to blame. */
public final class EncoderException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /**
   * Describes what is wrong.
   *
   * @param message names the file at fault
   */
  public EncoderException(String message, Throwable cause) {
    super(message, cause);
  }
}
