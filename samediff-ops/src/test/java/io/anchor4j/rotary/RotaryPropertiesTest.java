package io.anchor4j.rotary;

import static io.anchor4j.testing.ErrorBudget.maxError;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.Precision;
import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.AnchorOps;
import io.anchor4j.ops.RotaryEmbedding;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What rotary embedding is for: scores that depend on distance alone, at any distance. */
class RotaryPropertiesTest {
  private static final int TOKENS = 32;
  private static final int HEAD_DIM = 128;
  private static final RotaryConfig CONFIG = RotaryConfig.of(500_000);

  private static INDArray positions(int shift) {
    var row = new int[1][TOKENS];
    for (int t = 0; t < TOKENS; t++) {
      row[0][t] = t + shift;
    }
    return Nd4j.createFromArray(row);
  }

  private static INDArray heads(int seed) {
    Nd4j.getRandom().setSeed(seed);
    return Nd4j.randn(DataType.FLOAT, 1, 1, TOKENS, HEAD_DIM);
  }

  /** Scores of rotated heads, the product in double so that it adds no error of its own. */
  private static INDArray scores(int shift, boolean roundToBfloat16) {
    INDArray query = AnchorOps.rotaryEmbedding(CONFIG, heads(1), positions(shift));
    INDArray key = AnchorOps.rotaryEmbedding(CONFIG, heads(2), positions(shift));
    if (roundToBfloat16) {
      query = query.castTo(DataType.BFLOAT16);
      key = key.castTo(DataType.BFLOAT16);
    }
    INDArray q = query.castTo(DataType.DOUBLE).reshape(TOKENS, HEAD_DIM);
    INDArray k = key.castTo(DataType.DOUBLE).reshape(TOKENS, HEAD_DIM);
    return q.mmul(k.transpose()).div(Math.sqrt(HEAD_DIM));
  }

  private static double rootMeanSquare(INDArray difference) {
    return difference.norm2Number().doubleValue() / Math.sqrt((double) difference.length());
  }

  @Test
  void scoresDoNotDriftWhenEveryPositionMovesBy126976() {
    double drift = rootMeanSquare(scores(126_976, false).sub(scores(0, false)));
    assertTrue(drift <= 1e-6, "float32 rotation: " + drift);
    double rounded = rootMeanSquare(scores(126_976, true).sub(scores(0, true)));
    assertTrue(rounded > 1e-3, "bfloat16 rotation drifts, which is why it is not done: " + rounded);
  }

  @Test
  void compensatedAttentionKeepsItsLogSumExpUnderTheShiftAndPlainBfloat16DoesNot() {
    double compensated = attentionDrift(Precision.BFLOAT16_COMPENSATED);
    double plain = attentionDrift(Precision.BFLOAT16);
    assertTrue(compensated <= 1e-5, "compensated " + compensated);
    assertTrue(plain > 100 * compensated, "plain " + plain + ", compensated " + compensated);
  }

  private static double attentionDrift(Precision precision) {
    return maxError(logSumExp(precision, 126_976), logSumExp(precision, 0));
  }

  private static INDArray logSumExp(Precision precision, int shift) {
    var config = AttentionConfig.DEFAULT.withRotary(CONFIG).withPrecision(precision);
    INDArray ones = Nd4j.ones(DataType.INT32, 1, TOKENS);
    return Nd4j.exec(
        new AnchorAttention(
            config, heads(1), heads(2), heads(3), ones, positions(shift), null, null))[1];
  }

  @Test
  void turningBackUndoesTurning() {
    INDArray heads = heads(4);
    INDArray turned = AnchorOps.rotaryEmbedding(CONFIG, heads, positions(70_000));
    INDArray back =
        Nd4j.exec(
            new RotaryEmbedding(
                CONFIG, RotaryEmbedding.Direction.BACKWARD, turned, positions(70_000), null))[0];
    assertTrue(maxError(back, heads) < 1e-5);
    assertEquals(heads.norm2Number().doubleValue(), turned.norm2Number().doubleValue(), 1e-3);
  }

  @Test
  void interleavedIsHalfSplitOfReorderedDimensions() {
    INDArray heads = heads(5);
    // Dimensions 0, 2, 4, ... then 1, 3, 5, ...
    INDArray split =
        heads
            .reshape(1, 1, TOKENS, HEAD_DIM / 2, 2)
            .permute(0, 1, 2, 4, 3)
            .dup('c')
            .reshape(1, 1, TOKENS, HEAD_DIM);
    INDArray interleaved =
        AnchorOps.rotaryEmbedding(CONFIG.withPairing(Pairing.INTERLEAVED), heads, positions(9));
    INDArray turned = AnchorOps.rotaryEmbedding(CONFIG, split, positions(9));
    INDArray reordered =
        turned
            .reshape(1, 1, TOKENS, 2, HEAD_DIM / 2)
            .permute(0, 1, 2, 4, 3)
            .dup('c')
            .reshape(1, 1, TOKENS, HEAD_DIM);
    assertEquals(0, maxError(interleaved, reordered));
  }
}
