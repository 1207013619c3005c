package io.anchor4j.benchmarks.contestant;

import io.anchor4j.benchmarks.work.Work;

/** Something that computes and times itself doing so. */
public interface Contestant {

  /** The name in the table. */
  String name();

  /**
   * Makes ready and computes once.
   *
   * @throws NotAvailableException if it is not there or cannot compute that
   */
  Job prepare(Work work) throws NotAvailableException;
}
