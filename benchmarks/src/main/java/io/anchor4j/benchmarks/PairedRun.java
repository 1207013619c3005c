package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.contestant.Job;
import io.anchor4j.benchmarks.contestant.NotAvailableException;
import io.anchor4j.benchmarks.contestant.Samples;
import io.anchor4j.benchmarks.work.Work;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Measures the entries of a case in turns: A B A B, so that a machine that warms up, slows down or
 * is disturbed is so for all of them, and a ratio is formed within each round.
 *
 * <p>Before, everyone computes once, and who did the same work must have the same results. Between
 * turns nobody computes for a moment: the threads of OpenMP spin on after a call, and would take
 * the processors of whoever is next.
 *
 * @param rounds at most; fewer where they do not fit into {@code caseSeconds}, but at least one
 * @param turnSeconds how long a turn lasts at least
 * @param caseSeconds what the rounds of a case may take
 * @param pauseMillis between turns
 */
record PairedRun(int rounds, double turnSeconds, double caseSeconds, long pauseMillis) {
  /** From here on a first call counts: setting up is nothing beside it. */
  private static final double LONG_CALL_SECONDS = 60;

  CaseResult run(Case of) {
    List<String> notes = new ArrayList<>();
    List<Timing> timings = of.apart() ? apart(of, notes) : inTurns(of, notes);
    return new CaseResult(of, timings, notes);
  }

  private List<Timing> inTurns(Case of, List<String> notes) {
    List<Job> jobs = new ArrayList<>();
    try {
      for (Entry entry : of.entries()) {
        jobs.add(prepare(entry, notes));
      }
      compareResults(of, jobs, notes);
      double[][] medians = new double[jobs.size()][rounds];
      int done = 0;
      long began = System.nanoTime();
      double perRound = 0;
      while (done < rounds && (done + 1) * perRound <= caseSeconds) {
        for (int i = 0; i < medians.length; i++) {
          if (jobs.get(i) != null) {
            medians[i][done] = turn(of.entries().get(i), jobs, i, notes);
          }
        }
        done++;
        perRound = (System.nanoTime() - began) / 1e9 / done;
      }
      List<Timing> timings = new ArrayList<>();
      for (int i = 0; i < medians.length; i++) {
        timings.add(jobs.get(i) == null ? null : new Timing(Arrays.copyOf(medians[i], done)));
      }
      return timings;
    } finally {
      jobs.forEach(PairedRun::close);
    }
  }

  private List<Timing> apart(Case of, List<String> notes) {
    List<Timing> timings = new ArrayList<>();
    for (Entry entry : of.entries()) {
      List<Job> job = new ArrayList<>();
      job.add(prepare(entry, notes));
      try {
        if (job.get(0) != null) {
          double first = job.get(0).firstCall();
          double seconds = first >= LONG_CALL_SECONDS ? first : turn(entry, job, 0, notes);
          timings.add(new Timing(new double[] {seconds}));
        } else {
          timings.add(null);
        }
      } finally {
        close(job.get(0));
      }
    }
    return timings;
  }

  private static Job prepare(Entry entry, List<String> notes) {
    try {
      return entry.contestant().prepare(entry.work());
    } catch (NotAvailableException | RuntimeException | OutOfMemoryError e) {
      notes.add(entry.contestant().name() + ": " + e.getMessage());
      return null;
    }
  }

  private double turn(Entry entry, List<Job> jobs, int i, List<String> notes) {
    pause();
    try {
      return Timing.median(jobs.get(i).measure(turnSeconds));
    } catch (NotAvailableException | RuntimeException | OutOfMemoryError e) {
      notes.add(entry.contestant().name() + ": " + e.getMessage());
      close(jobs.set(i, null));
      return Double.NaN;
    }
  }

  private void pause() {
    try {
      Thread.sleep(pauseMillis);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted between two turns", e);
    }
  }

  private static void close(Job job) {
    if (job != null) {
      job.close();
    }
  }

  /** Two that computed something else have no ratio: the second is left out. */
  private static void compareResults(Case of, List<Job> jobs, List<String> notes) {
    for (int i = 1; i < jobs.size(); i++) {
      Work work = of.entries().get(i).work();
      if (jobs.get(0) == null || jobs.get(i) == null || work != of.entries().get(0).work()) {
        continue;
      }
      double difference = Samples.differ(jobs.get(0).samples(), jobs.get(i).samples());
      if (difference > Samples.tolerance(work.precision())) {
        notes.add(
            "%s: results differ by %.2g of their size at %s"
                .formatted(of.entries().get(i).contestant().name(), difference, of.label()));
        close(jobs.set(i, null));
      }
    }
  }
}
