package io.anchor4j.benchmarks.contestant;

import io.anchor4j.benchmarks.work.TrainingWork;
import io.anchor4j.benchmarks.work.Work;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.training.LearningRateSchedule;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.Trainer;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;

/** A training step by {@link Trainer}, data iterator and all. */
public final class OwnTraining implements Contestant {
  static final RunConfig.Adamw ADAMW = new RunConfig.Adamw(0.9, 0.95, 1e-8, 0.1);
  static final double LEARNING_RATE = 1e-4;

  @Override
  public String name() {
    return "ours";
  }

  @Override
  public Job prepare(Work work) throws NotAvailableException {
    if (!(work instanceof TrainingWork training)) {
      throw new NotAvailableException("OwnOps computes " + work.label());
    }
    ComputationGraph graph = Decoder.create(training.decoder(), /* seed= */ 1);
    var row = new PackedRow(training.tokenIds(), training.documents());
    var data = new PackedIterator.Builder(PackedDataset.of(List.of(row))).endless().build();
    var trainer = new Trainer(graph, data, settings());
    // Weights differ from the peer's, so there is nothing to compare: parity is tested elsewhere.
    return new ArrayJob(List.of(), List.of(), trainer::step).start();
  }

  private static RunConfig.Training settings() {
    return new RunConfig.Training(
        /* steps= */ 1000,
        /* batchSize= */ 1,
        /* gradientAccumulation= */ 1,
        LEARNING_RATE,
        new RunConfig.Schedule(LearningRateSchedule.Type.CONSTANT, 0, 1),
        ADAMW,
        /* gradientClip= */ 1.0,
        /* seed= */ 0,
        /* checkpointEvery= */ 1000,
        /* keepCheckpoints= */ 1,
        /* gradientCheckpointing= */ false);
  }
}
