package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Checked targets of B rows of T outputs, -100 where one does not count. */
final class LanguageModelTargets {
  private final int rows;
  private final int[] ids; // [B*T]

  private LanguageModelTargets(int rows, int[] ids) {
    this.rows = rows;
    this.ids = ids;
  }

  /**
   * Reads labels and their mask.
   *
   * @param layer the layer's name, for messages
   * @param labels INT [B, T]
   * @param mask [B, T], 0 where a label does not count, or null
   * @param batch B of the input
   * @param tokens T of the input
   * @param vocabulary V
   * @throws IllegalArgumentException if a shape or type is wrong, or an id is outside the
   *     vocabulary
   */
  static LanguageModelTargets of(
      String layer, INDArray labels, INDArray mask, long batch, long tokens, long vocabulary) {
    checkArgument(
        labels.rank() == 2 && labels.size(0) == batch && labels.size(1) == tokens,
        "%s: labels must be [batch=%s, tokens=%s], one id for each output, got %s",
        layer,
        batch,
        tokens,
        Arrays.toString(labels.shape()));
    checkArgument(
        labels.dataType() == DataType.INT32,
        "%s: labels must be INT token ids, got %s. One-hot or floating labels are not taken; cast ids"
            + " with castTo(DataType.INT32).",
        layer,
        labels.dataType());
    int[] ids = labels.dup('c').data().asInt().clone();
    if (mask != null) {
      checkArgument(
          mask.length() == ids.length,
          "%s: the labels mask must be [batch=%s, tokens=%s], got %s",
          layer,
          batch,
          tokens,
          Arrays.toString(mask.shape()));
      double[] counts = mask.dup('c').data().asDouble();
      for (int i = 0; i < ids.length; i++) {
        ids[i] = counts[i] == 0 ? LanguageModelOutputLayer.IGNORED : ids[i];
      }
    }
    for (int i = 0; i < ids.length; i++) {
      checkArgument(
          ids[i] == LanguageModelOutputLayer.IGNORED || (ids[i] >= 0 && ids[i] < vocabulary),
          "%s: label %s at row %s, token %s is outside the vocabulary 0 to %s. Use -100 for a target"
              + " that does not count.",
          layer,
          ids[i],
          i / tokens,
          i % tokens,
          vocabulary - 1);
    }
    return new LanguageModelTargets((int) batch, ids);
  }

  /** Returns the ids as INT [B*T]. */
  INDArray array() {
    return Nd4j.createFromArray(ids);
  }

  /** Returns how many targets count. */
  int counting() {
    return counting(0, ids.length);
  }

  /** Returns the mean loss over the targets that count, 0 if none does. */
  double mean(INDArray losses) {
    return mean(losses.data().asDouble(), losses.offset(), 0, ids.length);
  }

  /** Returns each row's mean loss over its targets that count, [B]. */
  double[] meanByRow(INDArray losses) {
    double[] all = losses.data().asDouble();
    int tokens = ids.length / rows;
    double[] means = new double[rows];
    Arrays.setAll(means, row -> mean(all, losses.offset(), row * tokens, (row + 1) * tokens));
    return means;
  }

  private double mean(double[] losses, long offset, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) {
      sum += losses[Math.toIntExact(offset) + i];
    }
    int counting = counting(from, to);
    return counting == 0 ? 0 : sum / counting;
  }

  private int counting(int from, int to) {
    return (int)
        Arrays.stream(ids, from, to).filter(id -> id != LanguageModelOutputLayer.IGNORED).count();
  }
}
