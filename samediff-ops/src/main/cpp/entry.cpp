// The entry points of anchor4j.h but for those on oneDNN (linear.cpp, linear_cross_entropy.cpp): a
// program that needs none of these links without it.
#include "call.h"

using a4j::call;

extern "C" {

int a4j_lacks(int isa) { return a4j::lacks(isa); }

void a4j_set_threads(int threads) { a4j::setThreads(threads < 1 ? 1 : threads); }

int a4j_threads(void) { return a4j::threads(); }

int a4j_attention_forward(int isa, const a4j_attention* attention) {
  return call(isa, [&](const a4j::Kernels& kernels) { kernels.attentionForward(*attention); });
}

int a4j_attention_backward(int isa, const a4j_attention* attention) {
  return call(isa, [&](const a4j::Kernels& kernels) { kernels.attentionBackward(*attention); });
}

int a4j_rms_norm(int isa, double epsilon, const a4j_array* input, const a4j_array* gain,
                 const a4j_array* output) {
  return call(isa, [&](const a4j::Kernels& kernels) {
    kernels.companions.rmsNorm(epsilon, *input, *gain, *output);
  });
}

int a4j_rms_norm_gradient(int isa, double epsilon, const a4j_array* input, const a4j_array* gain,
                          const a4j_array* output_gradient, const a4j_array* input_gradient,
                          const a4j_array* gain_gradient) {
  return call(isa, [&](const a4j::Kernels& kernels) {
    kernels.companions.rmsNormGradient(epsilon, *input, *gain, *output_gradient, *input_gradient,
                                       gain_gradient);
  });
}

int a4j_gated_silu(int isa, const a4j_array* gate, const a4j_array* up, const a4j_array* output) {
  return call(
      isa, [&](const a4j::Kernels& kernels) { kernels.companions.gatedSilu(*gate, *up, *output); });
}

int a4j_gated_silu_gradient(int isa, const a4j_array* gate, const a4j_array* up,
                            const a4j_array* output_gradient, const a4j_array* gate_gradient,
                            const a4j_array* up_gradient) {
  return call(isa, [&](const a4j::Kernels& kernels) {
    kernels.companions.gatedSiluGradient(*gate, *up, *output_gradient, *gate_gradient,
                                         *up_gradient);
  });
}

int a4j_rotary(int isa, int inverse, int pairing, int pairs, const float* angles,
               const a4j_array* heads, const a4j_array* rotated) {
  return call(isa, [&](const a4j::Kernels& kernels) {
    kernels.companions.rotary(inverse, pairing, pairs, angles, *heads, *rotated);
  });
}

int a4j_adamw(int isa, const a4j_adamw_step* step, const a4j_array* parameters,
              const a4j_array* gradients, const a4j_array* first_moment,
              const a4j_array* second_moment) {
  return call(isa, [&](const a4j::Kernels& kernels) {
    kernels.companions.adamW(*step, *parameters, *gradients, *first_moment, *second_moment);
  });
}

int a4j_sum_of_squares(int isa, const a4j_array* array, double* sum) {
  return call(isa,
              [&](const a4j::Kernels& kernels) { *sum = kernels.companions.sumOfSquares(*array); });
}

}  // extern "C"
