package io.anchor4j.benchmarks.contestant;

/** Says why a contestant does not take part; its places in the table stay empty, with a note. */
public final class NotAvailableException extends Exception {
  private static final long serialVersionUID = 1;

  /** {@code reason} becomes the note. */
  public NotAvailableException(String reason) {
    super(reason);
  }
}
