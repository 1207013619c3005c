package io.anchor4j.training;

/** The loss or the gradient is not a finite number any more; weights are those before the step. */
public final class DivergenceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DivergenceException(String message) {
    super(message);
  }
}
