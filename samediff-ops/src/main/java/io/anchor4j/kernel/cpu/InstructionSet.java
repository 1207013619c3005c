package io.anchor4j.kernel.cpu;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the cpu kernels can compute with, slowest first. */
public enum InstructionSet {
  /** Loops in portable C++: every processor. */
  SCALAR(0),
  /** AVX2 with FMA and F16C: 8 floats at once. */
  AVX2(1),
  /** AVX-512 F, BW, DQ and VL: 16 floats at once. */
  AVX512(2),
  /** AVX-512 with products of bfloat16 pairs. */
  AVX512_BF16(3),
  /** AMX tiles of bfloat16, all else in AVX-512. */
  AMX_BF16(4);

  /** The codes of {@code a4j_lacks}. */
  private static final int LACKS_NOTHING = 0;

  private static final int LACKS_KERNELS = 1;
  private static final int LACKS_PROCESSOR = 2;
  private static final int LACKS_PERMISSION = 3;

  /** Its number in {@code anchor4j.h}. */
  final int code;

  InstructionSet(int code) {
    this.code = code;
  }

  /** Returns the name used in properties, messages and docs. */
  public String cliName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Returns why this process cannot compute with it, in words; empty where it can. */
  public Optional<String> obstacle() {
    if (NativeKernels.missing().isPresent()) {
      return NativeKernels.missing();
    }
    return switch (lacks(this)) {
      case LACKS_NOTHING -> Optional.empty();
      case LACKS_KERNELS -> Optional.of(cliName() + " has no kernels in this build");
      case LACKS_PROCESSOR -> Optional.of(cliName() + " is not in this processor");
      case LACKS_PERMISSION ->
          Optional.of(cliName() + " is kept from this process by the operating system");
      default -> throw new IllegalStateException("a4j_lacks(" + code + ")");
    };
  }

  /** Static: Error Prone takes a field that goes to native code for one that may be finalized. */
  private static int lacks(InstructionSet isa) {
    return NativeKernels.a4j_lacks(isa.code);
  }

  /** Returns whether this process can compute with it. */
  public boolean supported() {
    return obstacle().isEmpty();
  }

  /**
   * Returns the fastest that this process can compute with.
   *
   * @throws IllegalStateException if there is no native library
   */
  public static InstructionSet best() {
    return Arrays.stream(values())
        .filter(InstructionSet::supported)
        .reduce((slower, faster) -> faster)
        .orElseThrow(
            () -> new IllegalStateException("cpu kernels: " + NativeKernels.missing().orElse("")));
  }

  /** Returns the one of that {@linkplain #cliName name}, if there is one. */
  static Optional<InstructionSet> parse(String name) {
    return Arrays.stream(values()).filter(isa -> isa.cliName().equals(name)).findFirst();
  }

  /** The names of all, for messages. */
  static String names() {
    return Arrays.stream(values()).map(InstructionSet::cliName).collect(Collectors.joining(", "));
  }
}
