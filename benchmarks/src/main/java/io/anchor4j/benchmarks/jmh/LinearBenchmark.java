package io.anchor4j.benchmarks.jmh;

import io.anchor4j.attention.Precision;
import io.anchor4j.benchmarks.contestant.ArrayJob;
import io.anchor4j.benchmarks.contestant.OwnOps;
import io.anchor4j.benchmarks.work.LinearWork;
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

/** A linear layer in bfloat16, its input in float32 as in a DL4J network. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class LinearBenchmark {
  @Param({"512", "1408"})
  public int outputs;

  @Param({"false", "true"})
  public boolean backward;

  private ArrayJob job;

  @Setup
  public void prepare() {
    job =
        OwnOps.linear(
            new LinearWork(DataType.FLOAT, Precision.BFLOAT16, 4096, 512, outputs, backward));
  }

  @Benchmark
  public void linear() {
    job.run();
  }

  @TearDown
  public void close() {
    job.close();
  }
}
