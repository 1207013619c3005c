package io.anchor4j.dl4j.retrofit;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Moves the state of updaters from one network to another, parameter by parameter, and divides what
 * grew with doubled gradients.
 *
 * <p>DL4J joins neighbouring parameters with equal updaters to blocks of n elements. A block's
 * state is one or more arrays of n, one after the other.
 */
final class UpdaterStates {
  /**
   * The arrays of each updater's state by the power of the gradient that they grow with: twice the
   * gradient makes 2^power times the array. AdaBelief is not here: M2.1 cannot instantiate it.
   */
  private static final Map<Class<? extends IUpdater>, List<Integer>> POWERS =
      Map.ofEntries(
          Map.entry(Sgd.class, List.of()),
          Map.entry(NoOp.class, List.of()),
          Map.entry(Nesterovs.class, List.of(1)), // velocity
          Map.entry(AdaGrad.class, List.of(2)), // sum of squares
          Map.entry(RmsProp.class, List.of(2)), // mean of squares
          Map.entry(AdaDelta.class, List.of(2, 0)), // mean of squares, of the updates' squares
          Map.entry(Adam.class, List.of(1, 2)), // mean, mean of squares
          Map.entry(Nadam.class, List.of(1, 2)),
          Map.entry(AdaMax.class, List.of(1, 1)), // mean, largest size
          Map.entry(AMSGrad.class, List.of(1, 2, 2))); // as Adam, largest mean of squares

  private UpdaterStates() {}

  /** Where the state of one parameter lies. */
  private record Slot(UpdaterBlock block, UpdaterBlock.ParamState parameter) {
    IUpdater updater() {
      return block.getGradientUpdater().getConfig();
    }

    INDArray array(INDArray state, int array) {
      long blockSize = (long) block.getParamOffsetEnd() - block.getParamOffsetStart();
      long start =
          block.getUpdaterViewOffsetStart()
              + array * blockSize
              + parameter.getParamOffsetStart()
              - block.getParamOffsetStart();
      long length = (long) parameter.getParamOffsetEnd() - parameter.getParamOffsetStart();
      return state.reshape(state.length()).get(NDArrayIndex.interval(start, start + length));
    }
  }

  /**
   * Moves the state of every parameter.
   *
   * @param from the old network's updater
   * @param to the new network's updater, over the same parameters, in any order
   * @param name of a layer or vertex, in either network
   * @param doublings by that name, as far as there were any
   * @return notes for the report
   * @throws IllegalArgumentException if there is an updater whose state is not known here
   */
  static List<String> move(
      BaseMultiLayerUpdater<?> from,
      BaseMultiLayerUpdater<?> to,
      Function<Trainable, String> name,
      Map<String, Doublings> doublings) {
    Map<String, Slot> old = slots(from, name);
    INDArray oldState = from.getStateViewArray();
    INDArray newState = to.getStateViewArray();
    var mixed = new LinkedHashSet<String>();
    var renormalized = new LinkedHashSet<String>();
    boolean rescaled = false;
    for (Map.Entry<String, Slot> entry : slots(to, name).entrySet()) {
      Slot source = old.get(entry.getKey());
      String layer = name.apply(source.parameter().getLayer());
      Doublings ways = doublings.getOrDefault(layer, Doublings.NONE);
      int times = ways.least();
      if (!ways.exact()) {
        mixed.add(layer);
        times = 0;
      } else if (times > 0 && renormalizes(source.parameter().getLayer())) {
        renormalized.add(layer);
        times = 0;
      }
      List<Integer> powers = powers(source.updater(), layer);
      rescaled |= times > 0 && !powers.isEmpty();
      for (int array = 0; array < powers.size(); array++) {
        double scale = Math.scalb(1.0, -times * powers.get(array));
        INDArray moved = source.array(oldState, array).mul(scale);
        entry.getValue().array(newState, array).assign(moved);
      }
    }
    return oldState == null ? List.of() : notes(rescaled, mixed, renormalized);
  }

  private static Map<String, Slot> slots(
      BaseMultiLayerUpdater<?> updater, Function<Trainable, String> name) {
    var slots = new LinkedHashMap<String, Slot>();
    for (UpdaterBlock block : updater.getUpdaterBlocks()) {
      for (UpdaterBlock.ParamState parameter : block.getLayersAndVariablesInBlock()) {
        String key = name.apply(parameter.getLayer()) + "\n" + parameter.getParamName();
        slots.put(key, new Slot(block, parameter));
      }
    }
    return slots;
  }

  /**
   * Returns the power of the gradient that each array of an updater's state grows with.
   *
   * @param layer for the message
   * @throws IllegalArgumentException if they are not known here
   */
  static List<Integer> powers(IUpdater updater, String layer) {
    List<Integer> powers = POWERS.get(updater.getClass());
    if (powers == null && updater.stateSize(1) == 0) {
      return List.of();
    }
    checkArgument(
        powers != null,
        "AttentionRetrofit: the state of updater %s of \"%s\" is not known here, so it cannot be"
            + " rescaled. Use resetUpdaterState().",
        updater.getClass().getName(),
        layer);
    return powers;
  }

  /** Whether the updater never saw how large gradients were. */
  private static boolean renormalizes(Trainable layer) {
    GradientNormalization normalization = layer.getConfig().getGradientNormalization();
    return normalization == GradientNormalization.RenormalizeL2PerParamType
        || (normalization == GradientNormalization.RenormalizeL2PerLayer
            // DL4J passes over an AttentionVertex, which has no such array.
            && layer.getGradientsViewArray() != null);
  }

  private static List<String> notes(boolean rescaled, Set<String> mixed, Set<String> renormalized) {
    var notes = new ArrayList<String>();
    notes.add(
        rescaled
            ? "updater state: moved, and divided where gradients had been multiplied"
            : "updater state: moved as it was");
    if (!mixed.isEmpty()) {
      notes.add(
          RetrofitReport.quoted(mixed)
              + ": updater state moved as it was, no one factor is right for all its ways");
    }
    if (!renormalized.isEmpty()) {
      notes.add(
          RetrofitReport.quoted(renormalized)
              + ": updater state moved as it was, renormalized gradients have no size");
    }
    return notes;
  }
}
