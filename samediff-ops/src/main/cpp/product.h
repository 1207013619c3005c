// The one matrix product under everything: A [rows, words] times B [words, columns], where a word
// is 32 bits of the depth: a float, or a pair of bfloat16.
//
// A is row-major and its words are broadcast; B is row-major with a row per word, so that a vector
// of B holds the same depth of neighbouring columns. Sums are float32 and go over the depth in
// ascending order, whatever the tile, so equal operands give equal bits.
#pragma once

#include <cstdint>

#include "lanes_scalar.h"

namespace a4j {
namespace {

constexpr int least(int a, int b) { return a < b ? a : b; }
constexpr int most(int a, int b) { return a > b ? a : b; }
constexpr int ceilDiv(int a, int b) { return (a + b - 1) / b; }

enum class Operand { kA, kB };

// A word that is a float; kRounded for one that only holds a bfloat16, where the processor has no
// products of pairs.
template <class L, bool kRounded>
struct FloatWords {
  using Lanes = L;
  using F = typename L::F;
  using B = F;
  static constexpr int kPerWord = 1;
  static constexpr bool kRounds = kRounded;
  // What is rounded to bfloat16 anyway needs no better powers of two.
  static constexpr int kExp2Degree = kRounded ? 4 : 5;

  static B loadB(const uint32_t* p) { return L::load(reinterpret_cast<const float*>(p)); }
  static F madd(const uint32_t* a, B b, F sum) {
    float x;
    std::memcpy(&x, a, sizeof x);
    return L::fma(L::set(x), b, sum);
  }

  // How many words the depth of so many columns takes.
  static constexpr int depth(int columns) { return columns; }

  // Makes the words of one row whose columns are the depth, for a row of A or a column of B.
  template <Operand>
  static void fromRow(const float* row, int count, uint32_t* words) {
    for (int i = 0; i < count; i++) {
      words[i] = bitsOf(kRounded ? floatOfBfloat16(bfloat16Of(row[i])) : row[i]);
    }
  }

  // Makes one row of words of B from kPerWord rows; `columns` is a multiple of kWidth.
  static void fromRows(const float* rows, int64_t, int columns, uint32_t* words) {
    fromRow<Operand::kB>(rows, columns, words);
  }

  // Stores neighbouring elements of a row of A.
  template <int kCount>
  static void store(uint32_t* to, const F (&x)[kCount]) {
    for (int v = 0; v < kCount; v++) {
      L::store(reinterpret_cast<float*>(to) + v * L::kWidth,
               kRounded ? L::toBfloat16AndBack(x[v]) : x[v]);
    }
  }

  // Adds to a sum what store() makes of x.
  template <int kCount>
  static F addRounded(const F (&x)[kCount], F sum) {
    for (int v = 0; v < kCount; v++) {
      sum = L::add(sum, kRounded ? L::toBfloat16AndBack(x[v]) : x[v]);
    }
    return sum;
  }

  // Multiplies `count` stored elements by a power of two.
  static void scaleStored(uint32_t* words, int count, float factor) {
    for (int i = 0; i < count; i++) {
      words[i] = bitsOf(floatOf(words[i]) * factor);
    }
  }
};

// Products by vectors of words; see FloatWords for what Words has to offer.
template <class W>
struct VectorProduct {
  using Words = W;
  using L = typename Words::Lanes;
  using F = typename L::F;

  // Held by a task around all its products: whatever they need set up on its thread.
  struct Task {};

  // Computes A B tile by tile and hands each row of a tile to `row(r, column, F (&sums)[V])`, the
  // sums of columns [column, column + V * kWidth) in row r, for V up to L::kVectors. `columns` is
  // rounded up to whole vectors, which B must have.
  template <class Row>
  static void rows(const uint32_t* a, int64_t aStride, int rows, const uint32_t* b, int64_t bStride,
                   int columns, int words, Row&& row) {
    int vectors = ceilDiv(columns, L::kWidth);
    for (int v = 0; v < vectors; v += L::kVectors) {
      byWidth<L::kVectors>(least(L::kVectors, vectors - v), a, aStride, rows, b + v * L::kWidth,
                           bStride, v * L::kWidth, words, row);
    }
  }

  // C += A B, C row-major; `columns` is rounded up to whole vectors, which B and C must have.
  static void add(const uint32_t* a, int64_t aStride, int count, const uint32_t* b, int64_t bStride,
                  int columns, int words, float* c, int64_t cStride) {
    auto accumulate = [&](int r, int column, auto& sums) __attribute__((always_inline)) {
      constexpr int kCount = sizeof(sums) / sizeof(F);
      float* to = c + r * cStride + column;
      for (int v = 0; v < kCount; v++) {
        L::store(to + v * L::kWidth, L::add(L::load(to + v * L::kWidth), sums[v]));
      }
    };
    rows(a, aStride, count, b, bStride, columns, words, accumulate);
  }

 private:
  template <int kMost, class Row>
  static void byWidth(int vectors, const uint32_t* a, int64_t aStride, int count, const uint32_t* b,
                      int64_t bStride, int column, int words, Row& row) {
    if constexpr (kMost > 1) {
      if (vectors < kMost) {
        byWidth<kMost - 1>(vectors, a, aStride, count, b, bStride, column, words, row);
        return;
      }
    }
    constexpr int kRows = L::rowsFor(kMost);
    int r = 0;
    for (; r + kRows <= count; r += kRows) {
      tile<kRows, kMost>(a + r * aStride, aStride, b, bStride, r, column, words, row);
    }
    for (; r + 2 <= count; r += 2) {
      tile<2, kMost>(a + r * aStride, aStride, b, bStride, r, column, words, row);
    }
    if (r < count) {
      tile<1, kMost>(a + r * aStride, aStride, b, bStride, r, column, words, row);
    }
  }

  template <int kRows, int kCount, class Row>
  static __attribute__((always_inline)) void tile(const uint32_t* a, int64_t aStride,
                                                  const uint32_t* b, int64_t bStride, int r,
                                                  int column, int words, Row& row) {
    F sums[kRows][kCount];
    for (int i = 0; i < kRows; i++) {
      for (int v = 0; v < kCount; v++) {
        sums[i][v] = L::set(0);
      }
    }
    for (int w = 0; w < words; w++) {
      typename Words::B columns[kCount];
      for (int v = 0; v < kCount; v++) {
        columns[v] = Words::loadB(b + v * L::kWidth);
      }
      for (int i = 0; i < kRows; i++) {
        for (int v = 0; v < kCount; v++) {
          sums[i][v] = Words::madd(a + i * aStride + w, columns[v], sums[i][v]);
        }
      }
      b += bStride;
    }
    for (int i = 0; i < kRows; i++) {
      row(r + i, column, sums[i]);
    }
  }
};

}  // namespace
}  // namespace a4j
