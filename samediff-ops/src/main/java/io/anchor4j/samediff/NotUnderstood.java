package io.anchor4j.samediff;

/** Ends the reading of one attention-like pattern; the message is the report's reason. */
final class NotUnderstood extends Exception {
  private static final long serialVersionUID = 1;

  NotUnderstood(String reason) {
    super(reason);
  }
}
