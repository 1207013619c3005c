// silu(gate) up and its gradient, silu(x) = x / (1 + exp(-x)).
#pragma once

#include "operands.h"

namespace a4j {
namespace {

// sigmoid(x) and 1 - sigmoid(x), each to its own last digits: both come from exp(-|x|), which never
// overflows, and none is subtracted from 1. From |x| = 87.3 on exp(-|x|) counts as 0.
template <class L>
struct Sigmoid {
  typename L::F of;
  typename L::F rest;

  explicit Sigmoid(typename L::F x) {
    using F = typename L::F;
    const F zero = L::set(0);
    const F one = L::set(1);
    // max() gives its second operand for NaN, which is where x goes throughout.
    F exponent = L::max(L::set(-128), L::sub(zero, L::max(L::sub(zero, x), x)));
    // exp2 turns the rounding of its argument, up to 4e-6 for |x| = 87, into a relative error; what
    // the product and log2(e) lose is put back here.
    const F log2e = L::set(1.44269502f);
    F power = L::mul(exponent, log2e);
    F lost = L::fma(exponent, L::set(1.92596303e-8f), L::productError(exponent, log2e, power));
    F e = L::template exp2<5>(power);
    e = L::fma(e, L::mul(lost, L::set(0.693147181f)), e);
    F larger = L::div(one, L::add(one, e));
    F smaller = L::mul(e, larger);
    auto positive = L::greater(x, zero);
    of = L::select(positive, larger, smaller);
    rest = L::select(positive, smaller, larger);
  }
};

template <class L>
void gatedSilu(const a4j_array& gate, const a4j_array& up, const a4j_array& output) {
  a4j_array arrays[] = {gate, up, output};
  elementwise<L, 2, 1>(arrays, [](float* const* p, int64_t i) {
    auto x = L::load(p[0] + i);
    L::store(p[2] + i, L::mul(L::mul(x, Sigmoid<L>(x).of), L::load(p[1] + i)));
  });
}

template <class L>
void gatedSiluGradient(const a4j_array& gate, const a4j_array& up, const a4j_array& outputGradient,
                       const a4j_array& gateGradient, const a4j_array& upGradient) {
  a4j_array arrays[] = {gate, up, outputGradient, gateGradient, upGradient};
  elementwise<L, 3, 2>(arrays, [](float* const* p, int64_t i) {
    auto x = L::load(p[0] + i);
    auto dy = L::load(p[2] + i);
    Sigmoid<L> sigmoid(x);
    // silu' = sigmoid (1 + x (1 - sigmoid))
    auto slope = L::mul(sigmoid.of, L::fma(x, sigmoid.rest, L::set(1)));
    L::store(p[3] + i, L::mul(L::mul(dy, L::load(p[1] + i)), slope));
    L::store(p[4] + i, L::mul(dy, L::mul(x, sigmoid.of)));
  });
}

}  // namespace
}  // namespace a4j
