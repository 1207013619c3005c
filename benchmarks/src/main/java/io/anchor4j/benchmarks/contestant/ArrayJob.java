package io.anchor4j.benchmarks.contestant;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A job in this process: arrays made once, and a call that computes results from inputs. */
public final class ArrayJob implements Job {
  private final Runnable call;
  private final List<INDArray> inputs;
  private final List<INDArray> results;
  private double firstCall;

  /** All arrays are closed with the job. */
  ArrayJob(List<INDArray> inputs, List<INDArray> results, Runnable call) {
    this.call = call;
    this.inputs = inputs;
    this.results = results;
  }

  /** Computes once, which every job does before it is measured. */
  @CanIgnoreReturnValue
  public ArrayJob start() {
    firstCall = time();
    return this;
  }

  /** Returns an array to be overwritten, of the form of another. */
  static INDArray like(INDArray array) {
    return array(array.dataType(), array.shape());
  }

  /** Returns an array to be overwritten; zeroed, so that its pages are there. */
  static INDArray array(DataType type, long... shape) {
    return Nd4j.zeros(type, shape);
  }

  /** Computes. */
  public void run() {
    call.run();
  }

  private double time() {
    long began = System.nanoTime();
    call.run();
    return (System.nanoTime() - began) / 1e9;
  }

  @Override
  public double firstCall() {
    return firstCall;
  }

  @Override
  public double[] measure(double seconds) {
    double[] times = new double[16];
    int calls = 0;
    for (double total = 0; calls == 0 || total < seconds; calls++) {
      if (calls == times.length) {
        times = Arrays.copyOf(times, 2 * calls);
      }
      times[calls] = time();
      total += times[calls];
    }
    return Arrays.copyOf(times, calls);
  }

  @Override
  public float[][] samples() {
    return results.stream().map(Samples::of).toArray(float[][]::new);
  }

  @Override
  public void close() {
    results.forEach(ArrayJob::close); // first: they may be views of arrays among the inputs
    inputs.forEach(ArrayJob::close);
  }

  private static void close(INDArray array) {
    if (array.closeable()) {
      array.close();
    }
  }
}
