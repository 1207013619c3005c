package io.anchor4j.benchmarks;

import java.util.List;

/**
 * What came of a case.
 *
 * @param timings of each entry, null where it took no part
 * @param notes why not, and results that differ
 */
record CaseResult(Case of, List<Timing> timings, List<String> notes) {

  /** Returns whether these entries are there and were measured. */
  boolean has(int... entries) {
    for (int entry : entries) {
      if (entry >= timings.size() || timings.get(entry) == null) {
        return false;
      }
    }
    return true;
  }

  Timing timing(int entry) {
    return timings.get(entry);
  }

  Entry entry(int entry) {
    return of.entries().get(entry);
  }

  /** Returns the useful operations a second of an entry, in units of 10^9. */
  double gigaflops(int entry) {
    return entry(entry).work().operations() / timing(entry).seconds() / 1e9;
  }
}
