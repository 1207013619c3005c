package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.contestant.Contestant;
import io.anchor4j.benchmarks.work.Work;
import java.util.Arrays;
import java.util.List;

/**
 * A row of a table: entries that are measured against the first.
 *
 * @param apart whether one is done before the next begins, because memory does not hold both
 */
record Case(String label, List<Entry> entries, boolean apart) {

  /** Returns a case in which all do the same work. */
  static Case of(Work work, Contestant... contestants) {
    return new Case(work.label(), same(work, contestants), false);
  }

  /** Returns such a case, one after the other. */
  static Case apart(Work work, Contestant... contestants) {
    return new Case(work.label(), same(work, contestants), true);
  }

  private static List<Entry> same(Work work, Contestant... contestants) {
    return Arrays.stream(contestants).map(contestant -> new Entry(contestant, work)).toList();
  }
}
