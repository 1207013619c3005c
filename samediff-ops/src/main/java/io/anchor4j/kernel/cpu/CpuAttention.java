package io.anchor4j.kernel.cpu;

import io.anchor4j.kernel.AttentionArguments;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Attention by native code. */
final class CpuAttention {
  private final InstructionSet isa;
  private final AngleTables tables;

  CpuAttention(InstructionSet isa, AngleTables tables) {
    this.isa = isa;
    this.tables = tables;
  }

  void forward(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    try (var call = new AttentionCall(arguments, tables)) {
      call.describe(call.attention().output(), output);
      call.describe(call.attention().log_sum_exp(), logSumExp);
      NativeKernels.check(
          "attention", NativeKernels.a4j_attention_forward(isa.code, call.attention()));
    }
  }

  void backward(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    try (var call = new AttentionCall(arguments, tables)) {
      call.describe(call.attention().output(), output);
      call.describe(call.attention().log_sum_exp(), logSumExp);
      call.describe(call.attention().output_gradient(), outputGradient);
      call.describe(call.attention().query_gradient(), queryGradient);
      call.describe(call.attention().key_gradient(), keyGradient);
      call.describe(call.attention().value_gradient(), valueGradient);
      NativeKernels.check(
          "attention gradient", NativeKernels.a4j_attention_backward(isa.code, call.attention()));
    }
  }
}
