package io.anchor4j.attention;

/**
 * The number formats of the matrix products inside an op. Arrays in and out keep their own type;
 * accumulation, softmax, norms and rotary angles are in float32 or better whatever is chosen here.
 * Inputs in float64 are computed in float64, for gradient checks.
 */
public enum Precision {
  /** Operands in float32. */
  FLOAT32,
  /** Operands rounded to bfloat16, products accumulated in float32. */
  BFLOAT16,
  /**
   * As {@link #BFLOAT16}, except the score product, which keeps rotated queries and keys to float32
   * accuracy: rounding them after rotation makes scores depend on absolute position.
   */
  BFLOAT16_COMPENSATED;

  /** Returns the name used on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  @Override
  public String toString() {
    return cliName();
  }

  /**
   * Returns the precision of that {@linkplain #cliName name}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Precision parse(String name) {
    return CliNames.parse(Precision.class, "precision", name);
  }
}
