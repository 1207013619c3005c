// The ops around attention, for an instruction set's table.
#pragma once

#include "adamw.h"
#include "cross_entropy.h"
#include "gated_silu.h"
#include "kernels.h"
#include "rms_norm.h"
#include "rotary.h"
#include "sum_of_squares.h"

namespace a4j {
namespace {

template <class L>
constexpr Companions companionsOn() {
  return {rmsNorm<L>,   rmsNormGradient<L>, gatedSilu<L>, gatedSiluGradient<L>, rotary, adamW<L>,
          sumOfSquares, addExponentials<L>, slopes<L>};
}

}  // namespace
}  // namespace a4j
