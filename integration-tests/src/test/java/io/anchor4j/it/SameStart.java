package io.anchor4j.it;

import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.factory.DefaultTrainerContext;
import org.deeplearning4j.parallelism.trainer.Trainer;

/**
 * Lets all workers of a {@link ParallelWrapper} begin {@code fit} with the same parameters and
 * updater state.
 *
 * <p>M2.1's workers copy the model once their threads run, while worker 0 trains that very model: a
 * late one begins a step ahead, or in the middle of one.
 */
final class SameStart extends DefaultTrainerContext {
  @Override
  public Trainer create(
      String uuid,
      int threadId,
      Model model,
      int rootDevice,
      boolean useMDS,
      ParallelWrapper wrapper,
      WorkspaceMode mode,
      int averagingFrequency) {
    // This runs in fit, before any worker has rows.
    Model start = threadId == 0 ? model : copy(model);
    return super.create(
        uuid, threadId, start, rootDevice, useMDS, wrapper, mode, averagingFrequency);
  }

  private static Model copy(Model model) {
    if (model instanceof MultiLayerNetwork network) {
      return network.clone();
    }
    var graph = (ComputationGraph) model;
    ComputationGraph copy = graph.clone();
    // A graph's clone() forgets them, and schedules and Adam read them.
    copy.getConfiguration().setIterationCount(graph.getIterationCount());
    copy.getConfiguration().setEpochCount(graph.getEpochCount());
    return copy;
  }
}
