package io.anchor4j.samediff;

import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/** Ends the reading of one attention-like pattern; the message is the report's reason. */
final class NotUnderstood extends Exception {
  private static final long serialVersionUID = 1;

  NotUnderstood(String reason) {
    super(reason);
  }

  /** The reason where {@code op} can't be said by the anchor op. */
  static NotUnderstood between(SameDiffOp op) {
    return new NotUnderstood(describe(op) + " stands between the products and is not understood");
  }

  static String describe(SameDiffOp op) {
    return GraphView.nameOf(op) + " that makes '" + GraphView.outputs(op).get(0) + "'";
  }
}
