package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.contestant.Contestant;
import io.anchor4j.benchmarks.work.Work;

/** Who takes part in a case, and with what: not all need compute the same. */
record Entry(Contestant contestant, Work work) {}
