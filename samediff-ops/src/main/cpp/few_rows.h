// Products of a few rows, as generating text asks for: every element of the right factor is read
// once, where it lies, and memory decides how long that takes.
#pragma once

#include "kernels.h"
#include "product.h"

namespace a4j {
namespace {

// A pair of bfloat16 on lanes of float32. See FloatWords for the members that a product uses.
template <class L>
struct PairsAsFloats {
  using Lanes = L;
  using F = typename L::F;
  struct B {
    F low;
    F high;
  };

  static B loadB(const uint32_t* p) { return {L::lowBfloat16(p), L::highBfloat16(p)}; }
  static F madd(const uint32_t* a, const B& b, F sum) {
    sum = L::fma(L::set(floatOf(*a << 16)), b.low, sum);
    return L::fma(L::set(floatOf(*a & 0xffff0000u)), b.high, sum);
  }
};

template <class L>
struct Float32Factor {
  using Stored = float;
  static typename L::F load(const float* p) { return L::load(p); }
  static float element(float x) { return x; }
};

template <class L>
struct RoundedFactor {
  using Stored = float;
  static typename L::F load(const float* p) { return L::toBfloat16AndBack(L::load(p)); }
  static float element(float x) { return floatOfBfloat16(bfloat16Of(x)); }
};

template <class L>
struct Bfloat16Factor {
  using Stored = uint16_t;
  static typename L::F load(const uint16_t* p) { return L::loadBfloat16(p); }
  static float element(uint16_t x) { return floatOfBfloat16(x); }
};

// Columns [from, from + count) where rows of the factor are contiguous. Sums are in the first-level
// cache, to which kDepth rows at a time are added.
template <class L, class Factor>
struct ByRows {
  using Stored = typename Factor::Stored;
  static constexpr int kDepth = 4;
  // How many rows ahead of their use are asked for, into the second-level cache: parts of rows are
  // too short for the processor to see where they lead. On Zen 4, bfloat16 from memory, one thread:
  // 14 GB/s with, 9 without, 9 into the first-level cache.
  static constexpr int kAhead = 32;
  static constexpr int kLine = 64 / sizeof(Stored);

  static void multiply(const FewRows& p, int64_t from, int64_t count) {
    for (int64_t r = 0; r < p.rows; r++) {
      for (int64_t i = 0; i < count; i++) {
        p.c[r * p.cStride + from + i] = 0;
      }
    }
    for (int64_t k = 0; k < p.depth; k += kDepth) {
      auto* b = static_cast<const Stored*>(p.b) + k * p.bStride + from;
      if (k + kDepth <= p.depth) {
        if (k + kAhead + kDepth <= p.depth) {
          prefetch(b + kAhead * p.bStride, p.bStride, count);
        }
        addRows<kDepth>(p, k, b, from, count);
      } else {
        for (int64_t left = k; left < p.depth; left++, b += p.bStride) {
          addRows<1>(p, left, b, from, count);
        }
      }
    }
  }

 private:
  static void prefetch(const Stored* b, int64_t stride, int64_t count) {
    for (int i = 0; i < kDepth; i++) {
      for (int64_t c = 0; c < count; c += kLine) {
        __builtin_prefetch(b + i * stride + c, /* write */ 0, /* second level */ 2);
      }
    }
  }

  template <int kCount>
  static void addRows(const FewRows& p, int64_t k, const Stored* b, int64_t from, int64_t count) {
    int64_t r = 0;
    for (; r + 4 <= p.rows; r += 4) {
      add<4, kCount>(p, r, k, b, from, count);
    }
    for (; r + 2 <= p.rows; r += 2) {
      add<2, kCount>(p, r, k, b, from, count);
    }
    if (r < p.rows) {
      add<1, kCount>(p, r, k, b, from, count);
    }
  }

  template <int kRows, int kCount>
  static void add(const FewRows& p, int64_t row, int64_t k, const Stored* b, int64_t from,
                  int64_t count) {
    const float* a = static_cast<const float*>(p.a) + row * p.aStride + k;
    float* c = p.c + row * p.cStride + from;
    int64_t i = 0;
    for (; i + L::kWidth <= count; i += L::kWidth) {
      typename L::F sums[kRows];
      for (int r = 0; r < kRows; r++) {
        sums[r] = L::load(c + r * p.cStride + i);
      }
      for (int d = 0; d < kCount; d++) {
        typename L::F column = Factor::load(b + d * p.bStride + i);
        for (int r = 0; r < kRows; r++) {
          sums[r] = L::fma(L::set(a[r * p.aStride + d]), column, sums[r]);
        }
      }
      for (int r = 0; r < kRows; r++) {
        L::store(c + r * p.cStride + i, sums[r]);
      }
    }
    for (; i < count; i++) {
      for (int r = 0; r < kRows; r++) {
        for (int d = 0; d < kCount; d++) {
          c[r * p.cStride + i] += a[r * p.aStride + d] * Factor::element(b[d * p.bStride + i]);
        }
      }
    }
  }
};

// Columns [from, from + count) where columns of the factor are contiguous, as in a transposed view.
template <class L, class Factor>
struct ByColumns {
  using Stored = typename Factor::Stored;

  static void multiply(const FewRows& p, int64_t from, int64_t count) {
    int64_t i = from;
    for (; i + 4 <= from + count; i += 4) {
      dots<4>(p, i);
    }
    for (; i < from + count; i++) {
      dots<1>(p, i);
    }
  }

 private:
  template <int kColumns>
  static void dots(const FewRows& p, int64_t column) {
    int64_t r = 0;
    for (; r + 4 <= p.rows; r += 4) {
      dots<4, kColumns>(p, r, column);
    }
    for (; r < p.rows; r++) {
      dots<1, kColumns>(p, r, column);
    }
  }

  template <int kRows, int kColumns>
  static void dots(const FewRows& p, int64_t row, int64_t column) {
    auto* b = static_cast<const Stored*>(p.b) + column * p.bStride;
    const float* a = static_cast<const float*>(p.a) + row * p.aStride;
    typename L::F sums[kRows][kColumns];
    for (auto& sum : sums) {
      for (auto& x : sum) {
        x = L::set(0);
      }
    }
    int64_t k = 0;
    for (; k + L::kWidth <= p.depth; k += L::kWidth) {
      for (int c = 0; c < kColumns; c++) {
        typename L::F factor = Factor::load(b + c * p.bStride + k);
        for (int r = 0; r < kRows; r++) {
          sums[r][c] = L::fma(L::load(a + r * p.aStride + k), factor, sums[r][c]);
        }
      }
    }
    for (int r = 0; r < kRows; r++) {
      for (int c = 0; c < kColumns; c++) {
        float sum = L::sum(sums[r][c]);
        for (int64_t left = k; left < p.depth; left++) {
          sum += a[r * p.aStride + left] * Factor::element(b[c * p.bStride + left]);
        }
        p.c[(row + r) * p.cStride + column + c] = sum;
      }
    }
  }
};

template <class L, template <class, class> class By>
void multiplyAsItLies(const FewRows& p, int64_t from, int64_t count) {
  if (p.bType == A4J_BFLOAT16) {
    By<L, Bfloat16Factor<L>>::multiply(p, from, count);
  } else if (p.rounds) {
    By<L, RoundedFactor<L>>::multiply(p, from, count);
  } else {
    By<L, Float32Factor<L>>::multiply(p, from, count);
  }
}

// `columns` of a factor that lies as words of pairs [depth][bStride], whole vectors of them.
template <class Words>
void multiplyPairs(const FewRows& p, int64_t columns) {
  using L = typename Words::Lanes;
  using F = typename L::F;
  auto store = [&](int r, int column, auto& sums) __attribute__((always_inline)) {
    constexpr int kCount = sizeof(sums) / sizeof(F);
    float* to = p.c + r * p.cStride + column;
    if (column + kCount * L::kWidth <= columns) {
      for (int v = 0; v < kCount; v++) {
        L::store(to + v * L::kWidth, sums[v]);
      }
      return;
    }
    float all[kCount * L::kWidth];
    for (int v = 0; v < kCount; v++) {
      L::store(all + v * L::kWidth, sums[v]);
    }
    for (int64_t i = column; i < columns; i++) {
      to[i - column] = all[i - column];
    }
  };
  VectorProduct<Words>::rows(static_cast<const uint32_t*>(p.a), p.aStride, static_cast<int>(p.rows),
                             static_cast<const uint32_t*>(p.b), p.bStride,
                             static_cast<int>(columns), static_cast<int>(p.depth), store);
}

template <class L, class Pairs>
constexpr FewRowsKernels fewRowsOn() {
  return {multiplyAsItLies<L, ByRows>, multiplyAsItLies<L, ByColumns>, multiplyPairs<Pairs>};
}

}  // namespace
}  // namespace a4j
