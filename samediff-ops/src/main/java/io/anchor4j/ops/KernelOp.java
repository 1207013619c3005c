package io.anchor4j.ops;

import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.FormatMethod;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * An ND4J op that a {@link KernelProvider} computes instead of libnd4j.
 *
 * <p>ND4J looks ops up by name in its native library; this class answers from Java wherever it
 * would (hash, shapes, number of outputs), and the executioner of {@link io.anchor4j.nd4j} calls
 * {@link #execute} instead of the library. Settings travel in the op's string, integer and floating
 * arguments, which a saved graph keeps; a subclass reads them back in {@link
 * #configureFromArguments()}.
 */
public abstract class KernelOp extends DynamicCustomOp {

  /** For ND4J, which makes an empty op and then adds the arguments of a saved one. */
  KernelOp() {}

  KernelOp(SameDiff sameDiff, SDVariable... inputs) {
    super(null, sameDiff, withoutNulls(inputs, SDVariable[]::new));
  }

  KernelOp(INDArray[] inputs, INDArray[] outputs) {
    super(null, withoutNulls(inputs, INDArray[]::new), withoutNulls(outputs, INDArray[]::new));
  }

  private static <T> T[] withoutNulls(T[] values, java.util.function.IntFunction<T[]> array) {
    return Arrays.stream(values).filter(Objects::nonNull).toArray(array);
  }

  /** Overwrites {@code outputs}; all shapes and types are checked. */
  abstract void compute(KernelProvider kernels, List<INDArray> inputs, List<INDArray> outputs);

  /**
   * Checks {@code inputs} and returns what outputs they give.
   *
   * @throws IllegalArgumentException if shapes or types do not fit together
   */
  abstract List<LongShapeDescriptor> describe(List<INDArray> inputs);

  @Override
  public abstract String opName();

  @Override
  public abstract int getNumOutputs();

  /**
   * Computes this op by the provider of the process.
   *
   * @throws IllegalArgumentException if inputs or outputs do not fit together: a kernel that writes
   *     through pointers relies on it
   */
  public final void execute(List<INDArray> inputs, List<INDArray> outputs) {
    List<LongShapeDescriptor> expected = describe(inputs);
    check(
        outputs.size() == expected.size(),
        "there are %s outputs, got arrays for %s",
        expected.size(),
        outputs.size());
    for (int i = 0; i < expected.size(); i++) {
      checkFits("output " + i, outputs.get(i), expected.get(i));
    }
    compute(KernelProviders.best(), inputs, outputs);
  }

  @Override
  public long opHash() {
    return hashOf(opName());
  }

  /** A hash of our own: ND4J's map from hash to class must not find one of its ops by ours. */
  static long hashOf(String name) {
    return Hashing.farmHashFingerprint64()
        .hashString("io.anchor4j." + name, StandardCharsets.UTF_8)
        .asLong();
  }

  @Override
  public List<LongShapeDescriptor> calculateOutputShape() {
    return describe(inputArguments());
  }

  @Override
  public List<LongShapeDescriptor> calculateOutputShape(OpContext context) {
    return describe(context.getInputArrays());
  }

  @Override
  public Map<String, Object> propertiesForFunction() {
    return Map.of(); // everything is in the arguments
  }

  @Override
  public void setPropertiesForFunction(Map<String, Object> properties) {
    // everything is in the arguments
  }

  /** One output for each of the given types. */
  static List<DataType> typesOf(List<DataType> inputs, int... indices) {
    return Arrays.stream(indices).mapToObj(inputs::get).toList();
  }

  static LongShapeDescriptor like(INDArray array) {
    return descriptor(array.dataType(), array.shape());
  }

  static LongShapeDescriptor descriptor(DataType type, long... shape) {
    return LongShapeDescriptor.fromShape(shape, type);
  }

  /** The type of statistics kept beside arrays of {@code type}. */
  static DataType statistics(DataType type) {
    return type == DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
  }

  /** The input at {@code index}, or null where the op was given fewer. */
  static INDArray optional(List<INDArray> inputs, int index) {
    return index < inputs.size() ? inputs.get(index) : null;
  }

  /** Checks the shape and type of an array that goes with others. */
  void checkFits(String name, INDArray array, LongShapeDescriptor expected) {
    check(
        array.dataType() == expected.dataType()
            && Arrays.equals(array.shape(), expected.getShape()),
        "%s must be %s %s, got %s %s",
        name,
        expected.dataType(),
        Arrays.toString(expected.getShape()),
        array.dataType(),
        Arrays.toString(array.shape()));
  }

  @FormatMethod
  void check(boolean rule, String message, Object... arguments) {
    if (!rule) {
      throw new IllegalArgumentException(opName() + ": " + String.format(message, arguments));
    }
  }
}
