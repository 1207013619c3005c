package io.anchor4j.benchmarks.contestant;

import io.anchor4j.attention.Precision;
import io.anchor4j.benchmarks.work.AttentionWork;
import io.anchor4j.benchmarks.work.Work;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;

/** The cpu provider's kernels without Java: a C++ program, see {@code bare_attention.cpp}. */
public final class BareKernel implements Contestant, AutoCloseable {
  private final Path program;
  private final int threads;
  private final Path log;
  private ChildProcess process;

  /** {@code program} need not be there. */
  public BareKernel(Path program, int threads, Path log) {
    this.program = program;
    this.threads = threads;
    this.log = log;
  }

  @Override
  public String name() {
    return "bare kernel";
  }

  @Override
  public Job prepare(Work work) throws NotAvailableException {
    if (!Files.isExecutable(program)) {
      throw new NotAvailableException("not compiled: see target/native/build.log");
    }
    if (!(work instanceof AttentionWork attention)
        || attention.documents() != null
        || !attention.causal()) {
      throw new NotAvailableException("it computes causal attention of one document a row");
    }
    if (process == null) {
      process = new ChildProcess(List.of(program.toString(), Integer.toString(threads)), log);
    }
    String[] answer =
        ask(
            "prepare %d %d %d %d %d %d %d %d"
                .formatted(
                    attention.type() == DataType.BFLOAT16 ? 1 : 0,
                    code(attention.precision()),
                    attention.batch(),
                    attention.heads(),
                    attention.kvHeads(),
                    attention.tokens(),
                    attention.headDim(),
                    attention.backward() ? 1 : 0));
    int results = attention.backward() ? 4 : 1;
    int count = (answer.length - 1) / results;
    float[][] samples = new float[results][count];
    for (int i = 0; i < results * count; i++) {
      samples[i / count][i % count] = Float.parseFloat(answer[i + 1]);
    }
    return new Running(Double.parseDouble(answer[0]), samples);
  }

  /** The numbers of anchor4j.h. */
  private static int code(Precision precision) {
    return switch (precision) {
      case FLOAT32 -> 0;
      case BFLOAT16 -> 1;
      case BFLOAT16_COMPENSATED -> 2;
    };
  }

  private String[] ask(String request) throws NotAvailableException {
    String answer = process.ask(request);
    if (answer.startsWith("error ")) {
      throw new NotAvailableException(answer.substring("error ".length()));
    }
    return answer.split(" ");
  }

  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
  }

  /** The one job that the program holds; the next takes its place. */
  private final class Running implements Job {
    private final double firstCall;
    private final float[][] samples;

    Running(double firstCall, float[][] samples) {
      this.firstCall = firstCall;
      this.samples = samples;
    }

    @Override
    public double firstCall() {
      return firstCall;
    }

    @Override
    public double[] measure(double seconds) throws NotAvailableException {
      return Arrays.stream(ask("measure " + seconds)).mapToDouble(Double::parseDouble).toArray();
    }

    @Override
    public float[][] samples() {
      return samples;
    }

    @Override
    public void close() {
      // The program frees what it holds when it is given the next job.
    }
  }
}
