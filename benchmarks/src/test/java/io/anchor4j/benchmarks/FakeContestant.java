package io.anchor4j.benchmarks;

import io.anchor4j.benchmarks.contestant.Contestant;
import io.anchor4j.benchmarks.contestant.Job;
import io.anchor4j.benchmarks.contestant.NotAvailableException;
import io.anchor4j.benchmarks.work.Work;
import java.util.Arrays;
import java.util.List;

/** Takes as long as it is told, and writes down when it is asked. */
record FakeContestant(String name, double seconds, float result, int turns, List<String> diary)
    implements Contestant {

  @Override
  public Job prepare(Work work) throws NotAvailableException {
    if (turns < 0) {
      throw new NotAvailableException("not installed");
    }
    diary.add("prepare " + name);
    return new Job() {
      private int left = turns;

      @Override
      public double firstCall() {
        return seconds;
      }

      @Override
      public double[] measure(double ignored) throws NotAvailableException {
        if (left-- == 0) {
          throw new NotAvailableException("broke down");
        }
        diary.add(name);
        return new double[] {seconds, 100 * seconds, seconds};
      }

      @Override
      public float[][] samples() {
        float[] samples = new float[64];
        Arrays.fill(samples, result);
        return new float[][] {samples};
      }

      @Override
      public void close() {
        diary.add("close " + name);
      }
    };
  }
}
