package io.anchor4j.benchmarks.contestant;

/** A computation that is ready to be repeated. */
public interface Job extends AutoCloseable {

  /** Returns the seconds that the first call took, whatever it had to set up. */
  double firstCall();

  /**
   * Computes at least once and on until that many seconds are over; returns the seconds of each
   * call.
   *
   * @throws NotAvailableException if the contestant broke down
   */
  double[] measure(double seconds) throws NotAvailableException;

  /** Returns elements of each result, see {@link Samples}; empty if there is none to compare. */
  float[][] samples();

  @Override
  void close();
}
