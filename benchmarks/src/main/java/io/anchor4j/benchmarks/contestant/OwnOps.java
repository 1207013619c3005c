package io.anchor4j.benchmarks.contestant;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.benchmarks.work.AdamWWork;
import io.anchor4j.benchmarks.work.AttentionWork;
import io.anchor4j.benchmarks.work.GatedSiluWork;
import io.anchor4j.benchmarks.work.LinearWork;
import io.anchor4j.benchmarks.work.RmsNormWork;
import io.anchor4j.benchmarks.work.TestData;
import io.anchor4j.benchmarks.work.Work;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.AnchorAttentionGradient;
import io.anchor4j.ops.GatedSilu;
import io.anchor4j.ops.GatedSiluGradient;
import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import io.anchor4j.ops.RmsNorm;
import io.anchor4j.ops.RmsNormGradient;
import io.anchor4j.training.AdamW;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** This project's ops, called as a user calls them, on ND4J arrays and into given arrays. */
public final class OwnOps implements Contestant {
  private static final double EPSILON = 1e-5;

  @Override
  public String name() {
    return "ours";
  }

  @Override
  public Job prepare(Work work) throws NotAvailableException {
    if (work instanceof AttentionWork attention) {
      return attention(attention).start();
    } else if (work instanceof LinearWork linear) {
      return linear(linear).start();
    } else if (work instanceof RmsNormWork norm) {
      return rmsNorm(norm).start();
    } else if (work instanceof GatedSiluWork silu) {
      return gatedSilu(silu).start();
    } else if (work instanceof AdamWWork adamw) {
      return adamw(adamw).start();
    }
    throw new NotAvailableException("OwnTraining trains");
  }

  private static INDArray heads(AttentionWork work, long seed, int count) {
    return TestData.array(seed, work.type(), work.batch(), count, work.tokens(), work.headDim());
  }

  private static INDArray documents(AttentionWork work) {
    int[][] rows = new int[work.batch()][];
    Arrays.fill(rows, work.documents());
    return Nd4j.createFromArray(rows);
  }

  /** Returns attention, and its gradients if the work wants them, not yet started. */
  public static ArrayJob attention(AttentionWork work) {
    AttentionConfig config = work.config();
    INDArray query = heads(work, 1, work.heads());
    INDArray key = heads(work, 2, work.kvHeads());
    INDArray value = heads(work, 3, work.kvHeads());
    INDArray documents = work.documents() == null ? null : documents(work);
    INDArray output = ArrayJob.like(query);
    INDArray logSumExp = ArrayJob.array(DataType.FLOAT, work.batch(), work.heads(), work.tokens());
    Runnable forward =
        () ->
            Nd4j.exec(
                new AnchorAttention(config, query, key, value, documents, null, output, logSumExp));
    if (!work.backward()) {
      return new ArrayJob(List.of(query, key, value, logSumExp), List.of(output), forward);
    }
    INDArray gradient = heads(work, 4, work.heads());
    INDArray queryGradient = ArrayJob.like(query);
    INDArray keyGradient = ArrayJob.like(key);
    INDArray valueGradient = ArrayJob.like(value);
    return new ArrayJob(
        List.of(query, key, value, gradient, logSumExp),
        List.of(output, queryGradient, keyGradient, valueGradient),
        () -> {
          forward.run();
          Nd4j.exec(
              new AnchorAttentionGradient(
                  config,
                  query,
                  key,
                  value,
                  documents,
                  null,
                  output,
                  logSumExp,
                  gradient,
                  queryGradient,
                  keyGradient,
                  valueGradient));
        });
  }

  /** Returns a linear layer, and its gradients if the work wants them, not yet started. */
  public static ArrayJob linear(LinearWork work) {
    INDArray input = TestData.array(1, work.type(), work.tokens(), work.inputs());
    INDArray weight = TestData.array(2, work.type(), work.inputs(), work.outputs());
    INDArray gradient = TestData.array(3, work.type(), work.tokens(), work.outputs());
    INDArray output = ArrayJob.like(gradient);
    Runnable forward =
        () -> Nd4j.exec(new MixedLinear(work.precision(), input, weight, null, output));
    if (!work.backward()) {
      return new ArrayJob(List.of(input, weight, gradient), List.of(output), forward);
    }
    INDArray inputGradient = ArrayJob.like(input);
    INDArray weightGradient = ArrayJob.like(weight);
    return new ArrayJob(
        List.of(input, weight, gradient),
        List.of(output, inputGradient, weightGradient),
        () -> {
          forward.run();
          Nd4j.exec(
              new MixedLinearGradient(
                  work.precision(), input, weight, gradient, inputGradient, weightGradient, null));
        });
  }

  private static ArrayJob rmsNorm(RmsNormWork work) {
    INDArray input = TestData.array(1, work.type(), work.tokens(), work.channels());
    INDArray gain = TestData.array(2, work.type(), work.channels());
    INDArray gradient = TestData.array(3, work.type(), work.tokens(), work.channels());
    INDArray output = ArrayJob.like(input);
    Runnable forward = () -> Nd4j.exec(new RmsNorm(EPSILON, input, gain, output));
    if (!work.backward()) {
      return new ArrayJob(List.of(input, gain, gradient), List.of(output), forward);
    }
    INDArray inputGradient = ArrayJob.like(input);
    INDArray gainGradient = ArrayJob.like(gain);
    return new ArrayJob(
        List.of(input, gain, gradient),
        List.of(output, inputGradient, gainGradient),
        () -> {
          forward.run();
          Nd4j.exec(
              new RmsNormGradient(EPSILON, input, gain, gradient, inputGradient, gainGradient));
        });
  }

  private static ArrayJob gatedSilu(GatedSiluWork work) {
    INDArray gate = TestData.array(1, work.type(), work.tokens(), work.channels());
    INDArray up = TestData.array(2, work.type(), work.tokens(), work.channels());
    INDArray gradient = TestData.array(3, work.type(), work.tokens(), work.channels());
    INDArray output = ArrayJob.like(gate);
    Runnable forward = () -> Nd4j.exec(new GatedSilu(gate, up, output));
    if (!work.backward()) {
      return new ArrayJob(List.of(gate, up, gradient), List.of(output), forward);
    }
    INDArray gateGradient = ArrayJob.like(gate);
    INDArray upGradient = ArrayJob.like(up);
    return new ArrayJob(
        List.of(gate, up, gradient),
        List.of(output, gateGradient, upGradient),
        () -> {
          forward.run();
          Nd4j.exec(new GatedSiluGradient(gate, up, gradient, gateGradient, upGradient));
        });
  }

  private static ArrayJob adamw(AdamWWork work) {
    KernelProvider kernels = KernelProviders.best();
    INDArray parameters = TestData.array(1, work.type(), work.parameters());
    INDArray gradients = TestData.array(2, work.type(), work.parameters());
    var optimizer = new AdamW(kernels, OwnTraining.ADAMW, work.parameters());
    // Moments are the optimizer's own; the parameters after one call are compared.
    return new ArrayJob(
        List.of(gradients, optimizer.firstMoment(), optimizer.secondMoment()),
        List.of(parameters),
        () -> {
          double norm = Math.sqrt(kernels.sumOfSquares(gradients));
          optimizer.update(
              parameters, gradients, OwnTraining.LEARNING_RATE, AdamW.clippingScale(norm, 1.0));
        });
  }
}
