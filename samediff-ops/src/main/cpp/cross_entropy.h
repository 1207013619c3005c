// What cross-entropy does with a tile of logits while it is in the cache.
#pragma once

#include <cstdint>

#include "lanes_scalar.h"

namespace a4j {
namespace {

// Goes on with each row's highest logit and sum of exponentials relative to it, which begin at
// -infinity and 0. Sums over a row of a tile are float32, those over tiles double: a vocabulary has
// many tiles.
template <class L>
void addExponentials(const float* logits, int64_t stride, int64_t rows, int64_t columns,
                     float* highest, double* sums) {
  using F = typename L::F;
  const int64_t whole = columns / L::kWidth * L::kWidth;
  for (int64_t r = 0; r < rows; r++) {
    const float* row = logits + r * stride;
    F tops = L::set(highest[r]);
    for (int64_t i = 0; i < whole; i += L::kWidth) {
      tops = L::max(tops, L::load(row + i));
    }
    float top = L::highest(tops);
    for (int64_t i = whole; i < columns; i++) {
      top = ScalarLanes::max(top, row[i]);
    }
    F sum = L::set(0);
    for (int64_t i = 0; i < whole; i += L::kWidth) {
      F x = L::sub(L::load(row + i), L::set(top));
      sum = L::add(sum, L::template exp2<5>(L::mul(x, L::set(kLog2E))));
    }
    float rest = 0;
    for (int64_t i = whole; i < columns; i++) {
      rest += ScalarLanes::exp2<5>((row[i] - top) * kLog2E);
    }
    double before = sums[r];
    if (before != 0 && top != highest[r]) {
      before *= ScalarLanes::exp2<5>((highest[r] - top) * kLog2E);
    }
    sums[r] = before + L::sum(sum) + rest;
    highest[r] = top;
  }
}

// Turns logits into scale * softmax.
template <class L>
void slopes(float* logits, int64_t stride, int64_t rows, int64_t columns, const float* logSumExp,
            const float* scales) {
  using F = typename L::F;
  const int64_t whole = columns / L::kWidth * L::kWidth;
  for (int64_t r = 0; r < rows; r++) {
    float* row = logits + r * stride;
    F total = L::set(logSumExp[r]);
    F scale = L::set(scales[r]);
    for (int64_t i = 0; i < whole; i += L::kWidth) {
      F x = L::mul(L::sub(L::load(row + i), total), L::set(kLog2E));
      L::store(row + i, L::mul(L::template exp2<5>(x), scale));
    }
    for (int64_t i = whole; i < columns; i++) {
      row[i] = ScalarLanes::exp2<5>((row[i] - logSumExp[r]) * kLog2E) * scales[r];
    }
  }
}

}  // namespace
}  // namespace a4j
