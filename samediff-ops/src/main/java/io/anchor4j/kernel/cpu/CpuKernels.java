package io.anchor4j.kernel.cpu;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.primitives.Ints;
import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AdamWStep;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.ProviderStatus;
import io.anchor4j.kernel.nd4j.Nd4jKernels;
import io.anchor4j.kernel.reference.ReferenceKernels;
import io.anchor4j.rotary.RotaryConfig;
import java.util.ArrayList;
import java.util.Optional;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Kernels in C++ for one instruction set of this processor.
 *
 * <p>Calls from several threads are served one after the other, each by all threads of one pool.
 * The bits of a result do not depend on how many those are. DOUBLE, which is for gradient checks,
 * goes to the reference; what has no native kernel goes to ND4J.
 */
public final class CpuKernels implements KernelProvider {
  /** The name by which it is asked for. */
  public static final String NAME = "cpu";

  /** The system property that names an {@link InstructionSet}, or {@code auto}. */
  public static final String ISA_PROPERTY = "anchor4j.cpu.isa";

  /** The system property for how many threads compute; all processors where it is not set. */
  public static final String THREADS_PROPERTY = "anchor4j.cpu.threads";

  private static final int MAX_THREADS = 1024;

  private final InstructionSet isa;
  private final KernelProvider reference = new ReferenceKernels();
  private final KernelProvider nd4j = new Nd4jKernels();
  private final CpuAttention attention;
  private final CpuLinear linear;
  private final CpuCompanions companions;

  /**
   * @throws IllegalArgumentException if this process cannot compute with {@code isa}
   */
  public CpuKernels(InstructionSet isa) {
    isa.obstacle()
        .ifPresent(
            why -> {
              throw new IllegalArgumentException("cpu kernels: " + why);
            });
    this.isa = isa;
    var tables = new AngleTables();
    this.attention = new CpuAttention(isa, tables);
    this.linear = new CpuLinear(isa);
    this.companions = new CpuCompanions(isa, tables);
  }

  /**
   * Returns the provider that the system properties ask for, or why there is none.
   *
   * @throws IllegalArgumentException if a property has no meaning, or names an instruction set that
   *     this process cannot compute with
   */
  public static ProviderStatus find() {
    return find(
        System.getProperty(ISA_PROPERTY, "auto"),
        System.getProperty(THREADS_PROPERTY, ""),
        Nd4j.getEnvironment().isCPU());
  }

  /**
   * @param isa value of {@value #ISA_PROPERTY}
   * @param threads value of {@value #THREADS_PROPERTY}, empty for all processors
   * @param hostArrays whether ND4J's arrays lie in memory that the processor can read
   */
  static ProviderStatus find(String isa, String threads, boolean hostArrays) {
    Optional<InstructionSet> asked = InstructionSet.parse(isa);
    checkArgument(
        isa.equals("auto") || asked.isPresent(),
        "%s must be auto, %s, got \"%s\"",
        ISA_PROPERTY,
        InstructionSet.names(),
        isa);
    int count = threads(threads);
    String absent =
        hostArrays
            ? NativeKernels.missing().orElse(null)
            : "ND4J's backend keeps its arrays in the memory of a GPU";
    String obstacle =
        absent != null ? absent : asked.flatMap(InstructionSet::obstacle).orElse(null);
    checkArgument(
        asked.isEmpty() || obstacle == null,
        "%s=%s cannot be had: %s. Leave it at auto for the fastest that works here.",
        ISA_PROPERTY,
        isa,
        obstacle);
    if (absent != null) {
      return ProviderStatus.absent(NAME, absent);
    }
    NativeKernels.a4j_set_threads(count);
    InstructionSet chosen = asked.orElseGet(InstructionSet::best);
    return ProviderStatus.works(new CpuKernels(chosen), fasterThan(chosen));
  }

  private static int threads(String property) {
    if (property.isEmpty()) {
      return Math.min(Runtime.getRuntime().availableProcessors(), MAX_THREADS);
    }
    Integer threads = Ints.tryParse(property);
    checkArgument(
        threads != null && threads >= 1 && threads <= MAX_THREADS,
        "%s must be an integer from 1 to %s, got \"%s\"",
        THREADS_PROPERTY,
        MAX_THREADS,
        property);
    return threads;
  }

  /** Returns why each faster instruction set was not chosen. */
  private static String fasterThan(InstructionSet chosen) {
    var reasons = new ArrayList<String>();
    for (InstructionSet isa : InstructionSet.values()) {
      if (isa.compareTo(chosen) > 0) {
        reasons.add(isa.obstacle().orElse(isa.cliName() + " is left out by " + ISA_PROPERTY));
      }
    }
    return String.join("; ", reasons);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    int threads = NativeKernels.a4j_threads();
    return "%s (%s, %d thread%s)".formatted(NAME, isa.cliName(), threads, threads == 1 ? "" : "s");
  }

  @Override
  public void attention(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    if (isDouble(arguments.query())) {
      reference.attention(arguments, output, logSumExp);
    } else {
      attention.forward(arguments, output, logSumExp);
    }
  }

  @Override
  public void attentionGradient(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    if (isDouble(arguments.query())) {
      reference.attentionGradient(
          arguments, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient);
    } else {
      attention.backward(
          arguments, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient);
    }
  }

  private static boolean isDouble(INDArray array) {
    return array.dataType() == DataType.DOUBLE;
  }

  @Override
  public void rotary(
      RotaryConfig config, boolean inverse, INDArray heads, INDArray positions, INDArray rotated) {
    if (isDouble(heads)) {
      reference.rotary(config, inverse, heads, positions, rotated);
    } else {
      companions.rotary(config, inverse, heads, positions, rotated);
    }
  }

  @Override
  public void rmsNorm(double epsilon, INDArray input, INDArray gain, INDArray output) {
    if (isDouble(input)) {
      reference.rmsNorm(epsilon, input, gain, output);
    } else {
      companions.rmsNorm(epsilon, input, gain, output);
    }
  }

  @Override
  public void rmsNormGradient(
      double epsilon,
      INDArray input,
      INDArray gain,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray gainGradient) {
    if (isDouble(input)) {
      reference.rmsNormGradient(epsilon, input, gain, outputGradient, inputGradient, gainGradient);
    } else {
      companions.rmsNormGradient(epsilon, input, gain, outputGradient, inputGradient, gainGradient);
    }
  }

  @Override
  public void gatedSilu(INDArray gate, INDArray up, INDArray output) {
    if (isDouble(gate)) {
      reference.gatedSilu(gate, up, output);
    } else {
      companions.gatedSilu(gate, up, output);
    }
  }

  @Override
  public void gatedSiluGradient(
      INDArray gate,
      INDArray up,
      INDArray outputGradient,
      INDArray gateGradient,
      INDArray upGradient) {
    if (isDouble(gate)) {
      reference.gatedSiluGradient(gate, up, outputGradient, gateGradient, upGradient);
    } else {
      companions.gatedSiluGradient(gate, up, outputGradient, gateGradient, upGradient);
    }
  }

  @Override
  public void linear(
      Precision precision, INDArray input, INDArray weight, INDArray bias, INDArray output) {
    if (isDouble(input)) {
      reference.linear(precision, input, weight, bias, output);
    } else if (input.rank() > NativeArrays.RANK) {
      nd4j.linear(precision, input, weight, bias, output);
    } else {
      linear.forward(precision, input, weight, bias, output);
    }
  }

  @Override
  public void linearGradient(
      Precision precision,
      INDArray input,
      INDArray weight,
      INDArray outputGradient,
      INDArray inputGradient,
      INDArray weightGradient,
      INDArray biasGradient) {
    if (isDouble(input)) {
      reference.linearGradient(
          precision, input, weight, outputGradient, inputGradient, weightGradient, biasGradient);
    } else if (input.rank() > NativeArrays.RANK) {
      nd4j.linearGradient(
          precision, input, weight, outputGradient, inputGradient, weightGradient, biasGradient);
    } else {
      linear.backward(
          precision, input, weight, outputGradient, inputGradient, weightGradient, biasGradient);
    }
  }

  @Override
  public void linearCrossEntropy(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray losses,
      INDArray logSumExp) {
    if (isDouble(hidden)) {
      reference.linearCrossEntropy(precision, hidden, weight, targets, losses, logSumExp);
    } else {
      linear.crossEntropy(precision, hidden, weight, targets, losses, logSumExp);
    }
  }

  @Override
  public HeldWeights holdWeights(INDArray parameters) {
    return linear.hold(parameters);
  }

  @Override
  public void linearCrossEntropyGradient(
      Precision precision,
      INDArray hidden,
      INDArray weight,
      INDArray targets,
      INDArray logSumExp,
      INDArray lossGradients,
      INDArray hiddenGradient,
      INDArray weightGradient) {
    if (isDouble(hidden)) {
      reference.linearCrossEntropyGradient(
          precision,
          hidden,
          weight,
          targets,
          logSumExp,
          lossGradients,
          hiddenGradient,
          weightGradient);
    } else {
      linear.crossEntropyGradient(
          precision,
          hidden,
          weight,
          targets,
          logSumExp,
          lossGradients,
          hiddenGradient,
          weightGradient);
    }
  }

  @Override
  public void adamW(
      AdamWStep step,
      INDArray parameters,
      INDArray gradients,
      INDArray firstMoment,
      INDArray secondMoment) {
    if (isDouble(parameters)) {
      reference.adamW(step, parameters, gradients, firstMoment, secondMoment);
    } else {
      companions.adamW(step, parameters, gradients, firstMoment, secondMoment);
    }
  }

  @Override
  public double sumOfSquares(INDArray array) {
    return isDouble(array) ? reference.sumOfSquares(array) : companions.sumOfSquares(array);
  }

  @Override
  public String toString() {
    return description();
  }
}
