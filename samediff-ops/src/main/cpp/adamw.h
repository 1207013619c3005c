// One step of AdamW in place, PyTorch's formula.
#pragma once

#include "operands.h"

namespace a4j {
namespace {

template <class L>
void adamW(const a4j_adamw_step& step, const a4j_array& parameters, const a4j_array& gradients,
           const a4j_array& firstMoment, const a4j_array& secondMoment) {
  const auto scale = L::set(static_cast<float>(step.gradient_scale));
  const auto beta1 = L::set(static_cast<float>(step.beta1));
  const auto rest1 = L::set(static_cast<float>(1 - step.beta1));
  const auto beta2 = L::set(static_cast<float>(step.beta2));
  const auto rest2 = L::set(static_cast<float>(1 - step.beta2));
  const auto correction2 = L::set(static_cast<float>(1 / step.second_correction));
  const auto epsilon = L::set(static_cast<float>(step.epsilon));
  const auto rate = L::set(static_cast<float>(step.learning_rate / step.first_correction));
  const auto decay = L::set(static_cast<float>(step.learning_rate * step.weight_decay));
  a4j_array arrays[] = {gradients, parameters, firstMoment, secondMoment};
  elementwise<L, 4, 3>(arrays, [=](float* const* at, int64_t i) {
    auto g = L::mul(L::load(at[0] + i), scale);
    auto p = L::load(at[1] + i);
    auto m = L::fma(L::load(at[2] + i), beta1, L::mul(g, rest1));
    auto v = L::fma(L::load(at[3] + i), beta2, L::mul(L::mul(g, g), rest2));
    auto root = L::sqrt(L::mul(v, correction2));
    auto update = L::mul(L::div(m, L::add(root, epsilon)), rate);
    // Rounds the parameter once: 1 - decay as a float would be off by up to 6e-8, which is much of
    // a decay of 1e-6.
    L::store(at[1] + i, L::sub(p, L::fma(p, decay, update)));
    L::store(at[2] + i, m);
    L::store(at[3] + i, v);
  });
}

}  // namespace
}  // namespace a4j
