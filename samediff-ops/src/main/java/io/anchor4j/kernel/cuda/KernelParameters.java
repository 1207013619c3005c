package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;

/**
 * {@code parameters.cuh} in Java: what each component means is said there. {@link ParameterStruct}
 * packs them; the groups inside {@link Attention} are for this side alone.
 */
final class KernelParameters {
  private KernelParameters() {}

  /** An array that is left out. */
  static final Array NONE = new Array(0, ImmutableLongArray.of(0, 0, 0, 0), 0, 0);

  record Array(long data, ImmutableLongArray stride, int type, int unused) {}

  record Attention(
      AttentionArrays arrays,
      AttentionTables tables,
      PackedOperands operands,
      double scale,
      AttentionSizes sizes,
      AttentionRules rules) {}

  record AttentionArrays(
      Array query,
      Array key,
      Array value,
      Array output,
      Array logSumExp,
      Array outputGradient,
      Array queryGradient,
      Array keyGradient,
      Array valueGradient) {}

  record AttentionTables(long documents, long positions, long angles, long slopes, long tiles) {}

  record PackedOperands(
      long packedQuery,
      long packedQueryLow,
      long packedKey,
      long packedKeyLow,
      long packedValue,
      long packedOutputGradient,
      long rowLogSumExp,
      long rowDelta) {}

  record AttentionSizes(
      int batch,
      int heads,
      int kvHeads,
      int queries,
      int tokens,
      int headDim,
      int packedDim,
      int queryRows,
      int keyRows) {}

  record AttentionRules(
      int rotaryPairs, int pairing, int mask, int causal, int window, int format, int unused) {}

  record RotaryAngles(
      long positions,
      long frequencies,
      long angles,
      double factor,
      long count,
      int tokens,
      int pairs,
      int type,
      int unused) {}

  record Convert(Array from, Array to, ImmutableLongArray shape) {}

  record GatedSilu(
      Array gate,
      Array up,
      Array output,
      Array outputGradient,
      Array gateGradient,
      Array upGradient,
      ImmutableLongArray shape) {}

  record Rotary(
      Array heads,
      Array rotated,
      long angles,
      int batch,
      int headCount,
      int tokens,
      int headDim,
      int pairs,
      int pairing,
      int inverse,
      int unused) {}

  record RmsNorm(
      Array input,
      Array gain,
      Array output,
      Array outputGradient,
      Array inputGradient,
      long gainParts,
      double epsilon,
      ImmutableLongArray shape,
      long partRows) {}

  record ColumnSums(Array input, long parts, ImmutableLongArray shape, long partRows) {}

  record SumOfSquares(Array input, long parts, ImmutableLongArray shape) {}

  record SumParts(Array sums, long parts, long columns, long count, int partType, int unused) {}

  record AdamW(
      Array parameters,
      Array gradients,
      Array firstMoment,
      Array secondMoment,
      ImmutableLongArray shape,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      double firstCorrection,
      double secondCorrection,
      double gradientScale) {}

  record CrossEntropy(
      Array logits,
      Array logitGradient,
      Array losses,
      Array logSumExp,
      Array lossGradients,
      long targets,
      long rowMaximum,
      long rowSum,
      long rowTarget,
      long rows,
      long firstColumn,
      long columns,
      int first,
      int type) {}
}
