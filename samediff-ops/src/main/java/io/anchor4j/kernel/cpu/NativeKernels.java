package io.anchor4j.kernel.cpu;

import java.util.Optional;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.ByRef;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Const;
import org.bytedeco.javacpp.annotation.MemberGetter;
import org.bytedeco.javacpp.annotation.MemberSetter;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * {@code anchor4j.h} name by name, from which JavaCPP generates the code in between.
 *
 * <p>The build runs before there is a library, so this class loads it when first asked about it and
 * not when it is initialized. oneDNN, which the library is linked to, is loaded first and from
 * bytedeco's jar: the class there that does so wants OpenCL beside it.
 */
@Platform(
    include = "anchor4j.h",
    library = NativeKernels.LIBRARY,
    preload = {"gomp@.1", "dnnl@.3"},
    preloadresource = "/org/bytedeco/dnnl/")
@NoException
final class NativeKernels {
  static final String LIBRARY = "jnianchor4j";

  private static final int OUT_OF_MEMORY = 1;

  private NativeKernels() {}

  private static final class Holder {
    static final Optional<String> MISSING = load();
  }

  /** Returns why the library cannot be called; empty where it can. */
  static Optional<String> missing() {
    return Holder.MISSING;
  }

  private static Optional<String> load() {
    String platform = Loader.getPlatform();
    if (NativeKernels.class.getResource(platform + "/" + System.mapLibraryName(LIBRARY)) == null) {
      return Optional.of(
          "no native library for %s on the class path; samediff-ops-VERSION-%s.jar is missing, or was built without a C++ compiler"
              .formatted(platform, platform));
    }
    try {
      Loader.load(NativeKernels.class);
      return Optional.empty();
    } catch (UnsatisfiedLinkError e) {
      return Optional.of("its native library does not load: " + e.getMessage());
    }
  }

  /**
   * Turns the status of a call into words.
   *
   * @param call what was called, for messages
   */
  static void check(String call, int status) {
    if (status == OUT_OF_MEMORY) {
      throw new OutOfMemoryError(call + ": the system has no memory left for the kernel's scratch");
    }
    if (status != 0) {
      throw new IllegalStateException(call + ": the native library gave status " + status);
    }
  }

  /** An array with any strides. */
  @Name("a4j_array")
  @NoException
  static final class Array extends Pointer {
    Array() {
      allocate();
    }

    private native void allocate();

    /** One array after the other. */
    Array(long count) {
      allocateArray(count);
    }

    private Array(Array first) {
      super(first);
    }

    private native void allocateArray(long count);

    /** Returns the array at {@code index}. */
    Array at(long index) {
      return new Array(this).offsetAddress(index);
    }

    @MemberSetter
    native Array data(@Cast("void*") long address);

    @MemberSetter
    native Array type(int type);

    @MemberSetter
    native Array shape(int dimension, @Cast("int64_t") long size);

    @MemberSetter
    native Array stride(int dimension, @Cast("int64_t") long elements);
  }

  /** One attention over a whole batch. */
  @Name("a4j_attention")
  @NoException
  static final class Attention extends Pointer {
    Attention() {
      allocate();
    }

    private native void allocate();

    @MemberSetter
    native Attention precision(int precision);

    @MemberSetter
    native Attention causal(@Cast("int32_t") boolean causal);

    @MemberSetter
    native Attention window(int window);

    @MemberSetter
    native Attention scale(float scale);

    @MemberSetter
    native Attention pairing(int pairing);

    @MemberSetter
    native Attention rotary_pairs(int pairs);

    @MemberSetter
    native Attention angles(@Const FloatPointer angles);

    @MemberSetter
    native Attention slopes(@Const FloatPointer slopes);

    @MemberSetter
    native Attention positions(@Const IntPointer positions);

    @MemberSetter
    native Attention tokens(@Const IntPointer tokens);

    @MemberSetter
    native Attention spans(@Cast("const a4j_span*") IntPointer spans);

    @MemberSetter
    native Attention span_starts(@Const IntPointer starts);

    @MemberSetter
    native Attention anchors(@Const IntPointer anchors);

    @MemberGetter
    @ByRef
    native Array query();

    @MemberGetter
    @ByRef
    native Array key();

    @MemberGetter
    @ByRef
    native Array value();

    @MemberGetter
    @ByRef
    native Array output();

    @MemberGetter
    @ByRef
    native Array log_sum_exp();

    @MemberGetter
    @ByRef
    native Array output_gradient();

    @MemberGetter
    @ByRef
    native Array query_gradient();

    @MemberGetter
    @ByRef
    native Array key_gradient();

    @MemberGetter
    @ByRef
    native Array value_gradient();
  }

  static native int a4j_lacks(int isa);

  static native void a4j_set_threads(int threads);

  static native int a4j_threads();

  static native int a4j_attention_forward(int isa, @Const Attention attention);

  static native int a4j_attention_backward(int isa, @Const Attention attention);

  static native int a4j_linear(
      int isa,
      int precision,
      @Const Array input,
      @Const Array weight,
      @Const Array bias,
      @Const Array output);

  static native int a4j_linear_gradient(
      int isa,
      int precision,
      @Const Array input,
      @Const Array weight,
      @Const Array outputGradient,
      @Const Array inputGradient,
      @Const Array weightGradient,
      @Const Array biasGradient);

  static native int a4j_cross_entropy(
      int isa,
      int precision,
      @Const Array hidden,
      @Const Array weight,
      @Const IntPointer targets,
      @Const Array losses,
      @Const Array logSumExp);

  static native int a4j_cross_entropy_gradient(
      int isa,
      int precision,
      @Const Array hidden,
      @Const Array weight,
      @Const IntPointer targets,
      @Const Array logSumExp,
      @Const Array lossGradients,
      @Const Array hiddenGradient,
      @Const Array weightGradient);

  static native int a4j_hold_weights(
      @Cast("const void*") long address, @Cast("int64_t") long bytes);

  static native int a4j_release_weights(@Cast("const void*") long address);

  static native int a4j_rms_norm(
      int isa, double epsilon, @Const Array input, @Const Array gain, @Const Array output);

  static native int a4j_rms_norm_gradient(
      int isa,
      double epsilon,
      @Const Array input,
      @Const Array gain,
      @Const Array outputGradient,
      @Const Array inputGradient,
      @Const Array gainGradient);

  static native int a4j_gated_silu(
      int isa, @Const Array gate, @Const Array up, @Const Array output);

  static native int a4j_gated_silu_gradient(
      int isa,
      @Const Array gate,
      @Const Array up,
      @Const Array outputGradient,
      @Const Array gateGradient,
      @Const Array upGradient);

  static native int a4j_rotary(
      int isa,
      @Cast("int") boolean inverse,
      int pairing,
      int pairs,
      @Const FloatPointer angles,
      @Const Array heads,
      @Const Array rotated);

  /** The numbers are those of {@code a4j_adamw_step}, in its order. */
  static native int a4j_adamw(
      int isa,
      @Cast("const a4j_adamw_step*") DoublePointer step,
      @Const Array parameters,
      @Const Array gradients,
      @Const Array firstMoment,
      @Const Array secondMoment);

  static native int a4j_sum_of_squares(int isa, @Const Array array, DoublePointer sum);
}
