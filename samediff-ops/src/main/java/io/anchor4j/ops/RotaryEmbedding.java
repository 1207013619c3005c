package io.anchor4j.ops;

import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.rotary.RotaryConfig;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * Turns query or key heads by an angle that grows with position (rotary embedding).
 *
 * <p>Angles, sine and cosine are computed in double; the product is rounded to the input's type
 * once, at the store. A bfloat16 table would make scores depend on absolute position, which is the
 * fault this op exists to remove. {@link AnchorAttention} rotates by itself; this op is for graphs
 * that keep rotated keys.
 *
 * <p>B batch, H heads, T tokens, D head dimension:
 *
 * <ul>
 *   <li>{@code heads} [B, H, T, D], any floating type
 *   <li>{@code positions} INT [B, T]
 *   <li>result [B, H, T, D], the type of {@code heads}
 * </ul>
 *
 * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer</a>
 * @see <a href="https://arxiv.org/abs/2411.13476">why bfloat16 breaks it at long context</a>
 */
public final class RotaryEmbedding extends KernelOp {
  static final String NAME = "anchor_rotary_embedding";

  /** Which way heads are turned. */
  public enum Direction {
    FORWARD,
    /** The transposed rotation, which is the gradient of {@link #FORWARD}. */
    BACKWARD;

    Direction reversed() {
      return this == FORWARD ? BACKWARD : FORWARD;
    }
  }

  private RotaryConfig config;
  private Direction direction;

  /** For ND4J. */
  public RotaryEmbedding() {}

  /** In a graph. */
  public RotaryEmbedding(
      SameDiff sameDiff,
      RotaryConfig config,
      Direction direction,
      SDVariable heads,
      SDVariable positions) {
    super(sameDiff, heads, positions);
    configure(config, direction);
  }

  /**
   * Eager, into a given array.
   *
   * @param rotated null to have it allocated
   */
  public RotaryEmbedding(
      RotaryConfig config,
      Direction direction,
      INDArray heads,
      INDArray positions,
      INDArray rotated) {
    super(new INDArray[] {heads, positions}, new INDArray[] {rotated});
    configure(config, direction);
  }

  private void configure(RotaryConfig config, Direction direction) {
    this.config = config;
    this.direction = direction;
    addSArgument(config.toJson(), direction.name());
  }

  @Override
  public void configureFromArguments() {
    config = RotaryConfig.fromJson(getSArgument(0));
    direction = Direction.valueOf(getSArgument(1));
  }

  @Override
  public String opName() {
    return NAME;
  }

  @Override
  public int getNumOutputs() {
    return 1;
  }

  @Override
  public List<DataType> calculateOutputDataTypes(List<DataType> inputs) {
    return typesOf(inputs, 0);
  }

  @Override
  List<LongShapeDescriptor> describe(List<INDArray> inputs) {
    INDArray heads = inputs.get(0);
    INDArray positions = inputs.get(1);
    check(
        heads.rank() == 4 && heads.dataType().isFPType(),
        "heads must be a floating array [B, H, T, D], got %s %s",
        heads.dataType(),
        Arrays.toString(heads.shape()));
    check(
        positions.dataType() == DataType.INT32
            && Arrays.equals(positions.shape(), new long[] {heads.size(0), heads.size(2)}),
        "positions must be INT [B=%s, T=%s], got %s %s",
        heads.size(0),
        heads.size(2),
        positions.dataType(),
        Arrays.toString(positions.shape()));
    config.rotatedDimensions((int) heads.size(3));
    return List.of(like(heads));
  }

  @Override
  void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs) {
    kernels.rotary(
        config, direction == Direction.BACKWARD, inputs.get(0), inputs.get(1), outputs.get(0));
  }

  @Override
  public List<SDVariable> doDiff(List<SDVariable> gradients) {
    // A rotation is orthogonal: its gradient is the same op turned back, so no second kernel.
    var turnedBack =
        new RotaryEmbedding(sameDiff, config, direction.reversed(), gradients.get(0), arg(1));
    return List.of(turnedBack.outputVariable(), sameDiff.zerosLike(arg(1)));
  }
}
