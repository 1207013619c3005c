package io.anchor4j.kernel.cuda;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Cosines and sines [B][T][P][2] made on the GPU from integer positions, in float64 throughout. */
final class AngleTable {
  private AngleTable() {}

  /**
   * Launches the making of a table and returns its address.
   *
   * @param positions INT [B, T]
   * @param placed where row-major positions are on the GPU
   */
  static long make(
      KernelCall call,
      KernelFunction rotaryAngles,
      RotaryConfig config,
      int headDim,
      INDArray positions,
      long placed,
      ElementType type) {
    int batch = (int) positions.size(0);
    int tokens = (int) positions.size(1);
    int pairs = config.rotatedDimensions(headDim) / 2;
    var frequencies = new double[batch * pairs];
    for (int b = 0; b < batch; b++) {
      double[] row =
          RotaryAngles.inverseFrequencies(config, 2 * pairs, largest(config, positions, b));
      System.arraycopy(row, 0, frequencies, b * pairs, pairs);
    }
    long count = (long) batch * tokens * pairs;
    long table = call.scratch("the table of angles", 2 * count * type.bytes);
    call.launchBlocks(
        rotaryAngles,
        KernelCall.ceilDiv(count, 256),
        new KernelParameters.RotaryAngles(
            placed,
            call.upload("frequencies", ElementType.FLOAT64, frequencies),
            table,
            RotaryAngles.attentionFactor(config.scaling()),
            count,
            tokens,
            pairs,
            type.code,
            0));
    return table;
  }

  /** Looks at positions only where frequencies depend on them: that waits for the GPU. */
  private static int largest(RotaryConfig config, INDArray positions, int b) {
    boolean needed =
        config.scaling() instanceof RotaryScaling.DynamicNtk
            || config.scaling() instanceof RotaryScaling.LongRope;
    if (!needed) {
      return -1;
    }
    int largest = -1;
    for (int position : positions.getRow(b).toIntVector()) {
      largest = Math.max(largest, position);
    }
    return largest;
  }
}
