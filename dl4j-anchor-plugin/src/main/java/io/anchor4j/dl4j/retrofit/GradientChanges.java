package io.anchor4j.dl4j.retrofit;

import io.anchor4j.dl4j.retrofit.RetrofitReport.Gradient;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.Regularization;

/** Which layers get other gradients than before, and which of their settings feel it. */
final class GradientChanges {
  private final List<Gradient> gradients = new ArrayList<>();
  private final List<String> steps = new ArrayList<>();
  private final List<String> penalties = new ArrayList<>();
  private final List<String> clips = new ArrayList<>();

  /**
   * Looks at a layer.
   *
   * @param doublings of its gradients until now, null if it has none
   * @param parameters the keys of its parameters
   */
  void add(String name, Doublings doublings, TrainingConfig config, List<String> parameters) {
    if (doublings == null || doublings.most() == 0 || parameters.isEmpty()) {
      return;
    }
    gradients.add(new Gradient(name, 1L << doublings.least(), 1L << doublings.most()));
    if (parameters.stream().map(config::getUpdaterByParam).anyMatch(GradientChanges::isLinear)) {
      steps.add(name);
    }
    if (parameters.stream().anyMatch(key -> isPenalized(config.getRegularizationByParam(key)))) {
      penalties.add(name);
    }
    GradientNormalization normalization = config.getGradientNormalization();
    if (normalization == GradientNormalization.ClipElementWiseAbsoluteValue
        || normalization == GradientNormalization.ClipL2PerLayer
        || normalization == GradientNormalization.ClipL2PerParamType) {
      clips.add(name);
    }
  }

  /** Whether a step is as large as the gradient; the other updaters divide by its size. */
  private static boolean isLinear(IUpdater updater) {
    return updater instanceof Sgd || updater instanceof Nesterovs;
  }

  /** Whether there is l1 or l2, which are added to the gradient; weight decay is not. */
  private static boolean isPenalized(List<Regularization> regularization) {
    return regularization != null
        && regularization.stream()
            .anyMatch(each -> each.applyStep() == Regularization.ApplyStep.BEFORE_UPDATER);
  }

  List<Gradient> gradients() {
    return gradients;
  }

  List<String> notes() {
    var notes = new ArrayList<String>();
    if (!steps.isEmpty()) {
      notes.add(
          RetrofitReport.quoted(steps)
              + ": steps are smaller by that factor, a larger learning rate keeps the pace");
    }
    if (!penalties.isEmpty()) {
      notes.add(
          RetrofitReport.quoted(penalties)
              + ": l1 and l2 weigh more by that factor against the gradient");
    }
    if (!clips.isEmpty()) {
      notes.add(
          RetrofitReport.quoted(clips)
              + ": gradients are clipped that much later, they had reached the threshold multiplied");
    }
    return notes;
  }
}
