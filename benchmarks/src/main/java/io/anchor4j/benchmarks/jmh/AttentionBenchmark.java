package io.anchor4j.benchmarks.jmh;

import io.anchor4j.benchmarks.contestant.ArrayJob;
import io.anchor4j.benchmarks.contestant.OwnOps;
import io.anchor4j.benchmarks.work.AttentionWork;
import java.util.concurrent.TimeUnit;
import org.nd4j.linalg.api.buffer.DataType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Causal attention of eight heads. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class AttentionBenchmark {
  @Param({"BFLOAT16", "FLOAT"})
  public DataType type;

  @Param({"512", "4096"})
  public int tokens;

  @Param({"64", "128"})
  public int headDim;

  @Param({"false", "true"})
  public boolean backward;

  private ArrayJob job;

  @Setup
  public void prepare() {
    job = OwnOps.attention(AttentionWork.causal(type, 1, 8, tokens, headDim, backward));
  }

  @Benchmark
  public void attention() {
    job.run();
  }

  @TearDown
  public void close() {
    job.close();
  }
}
