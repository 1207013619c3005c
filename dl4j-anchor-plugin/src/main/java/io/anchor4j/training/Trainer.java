package io.anchor4j.training;

import io.anchor4j.data.PackedIterator;
import io.anchor4j.dl4j.layer.FrozenWeights;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Trains a decoder in memory, one update a call: the loop without files. {@link TrainingRun} adds
 * the run directory.
 *
 * <p>The same graph, data and settings give the same bits, on one machine with one number of
 * threads. Where an adapter drops out, every step sets the seed of {@code Nd4j.getRandom()}.
 */
public final class Trainer {
  private final ComputationGraph graph;
  private final PackedIterator data;
  private final RunConfig.Training settings;
  private final LearningRateSchedule learningRates;
  private final KernelProvider kernels = KernelProviders.best();
  private final GradientAccumulation accumulation;
  private final AdamW optimizer;

  private final boolean dropsOut;

  private double elapsedBefore;
  private long started = System.nanoTime();

  /**
   * Begins a run before its first step.
   *
   * @param graph a decoder in FLOAT, whose parameters change with every step
   * @param data endless batches of {@link RunConfig.Training#batchSize} rows
   */
  public Trainer(ComputationGraph graph, PackedIterator data, RunConfig.Training settings) {
    this.graph = graph;
    this.data = data;
    this.settings = settings;
    this.learningRates = settings.learningRates();
    this.accumulation = new GradientAccumulation(graph);
    this.dropsOut = FrozenWeights.adaptersDropOut(graph);
    this.optimizer = new AdamW(kernels, settings.adamw(), graph.params().length());
  }

  /** Goes on where an earlier trainer of the same settings stood. */
  void resume(Checkpoint.State state) {
    data.seek(state.cursor());
    optimizer.restoreUpdates(state.step());
    elapsedBefore = state.elapsedSeconds();
    started = System.nanoTime();
  }

  /**
   * Makes one update.
   *
   * @throws DivergenceException if the loss or the gradient's norm is not finite; the parameters
   *     are as they were
   * @throws IllegalArgumentException if the step has not one target that counts
   */
  public StepMetrics step() {
    long begin = System.nanoTime();
    List<MultiDataSet> batches = new ArrayList<>();
    for (int i = 0; i < settings.gradientAccumulation(); i++) {
      batches.add(data.next());
    }
    long step = steps() + 1;
    if (dropsOut) {
      // The draws depend on seed and step alone, so that a resumed run makes the same.
      Nd4j.getRandom().setSeed(settings.seed() * 0x9E3779B97F4A7C15L + step);
    }
    GradientAccumulation.Result result;
    try (var weights = kernels.holdWeights(graph.params())) {
      result = accumulation.compute(step, batches);
    }
    double norm = Math.sqrt(kernels.sumOfSquares(result.gradients()));
    if (!Double.isFinite(result.loss()) || !Double.isFinite(norm)) {
      throw new DivergenceException(
          "step %d: the loss is %s and the gradient's norm %s, so training stops before this update"
              .formatted(step, result.loss(), norm));
    }
    double learningRate = learningRates.rate(step - 1);
    INDArray parameters = graph.params();
    optimizer.update(
        parameters,
        result.gradients(),
        learningRate,
        AdamW.clippingScale(norm, settings.gradientClip()));
    return new StepMetrics(
        step,
        result.loss(),
        learningRate,
        norm,
        result.tokens() / seconds(System.nanoTime() - begin),
        elapsedSeconds());
  }

  /** Returns the number of steps made, those before a resumption too. */
  public long steps() {
    return optimizer.updates();
  }

  AdamW optimizer() {
    return optimizer;
  }

  PackedIterator.Cursor cursor() {
    return data.cursor();
  }

  double elapsedSeconds() {
    return elapsedBefore + seconds(System.nanoTime() - started);
  }

  private static double seconds(long nanos) {
    return nanos / 1e9;
  }

  /**
   * Returns the mean loss over all targets of {@code batches} that count, in nats.
   *
   * @param batches read from where they stand to their end
   * @throws IllegalArgumentException if no target counts
   */
  public static double meanLoss(ComputationGraph graph, PackedIterator batches) {
    double sum = 0;
    long targets = 0;
    try (var weights = KernelProviders.best().holdWeights(graph.params())) {
      while (batches.hasNext()) {
        MultiDataSet batch = batches.next();
        long counting = GradientAccumulation.countTargets(batch);
        if (counting > 0) {
          sum += counting * graph.score(batch, false);
          targets += counting;
        }
      }
    }
    if (targets == 0) {
      throw new IllegalArgumentException("the validation data has no target that counts");
    }
    return sum / targets;
  }
}
