// A word that is a pair of bfloat16, multiplied by AVX-512 BF16. See FloatWords.
#pragma once

#include "lanes_avx512.h"
#include "product.h"

namespace a4j {
namespace {

struct PairWords {
  using Lanes = Avx512Lanes;
  using F = __m512;
  static constexpr int kPerWord = 2;
  static constexpr bool kRounds = true;
  static constexpr int kExp2Degree = 4;
  using B = __m512bh;

  static B loadB(const uint32_t* p) { return reinterpret_cast<B>(_mm512_loadu_si512(p)); }
  static F madd(const uint32_t* a, B b, F sum) {
    int pair;
    std::memcpy(&pair, a, sizeof pair);
    return _mm512_dpbf16_ps(sum, reinterpret_cast<B>(_mm512_set1_epi32(pair)), b);
  }

  static constexpr int depth(int columns) { return ceilDiv(columns, 2); }

  template <Operand>
  static void fromRow(const float* row, int count, uint32_t* words) {
    int i = 0;
    for (; i + 32 <= count; i += 32) {
      F pair[2] = {_mm512_loadu_ps(row + i), _mm512_loadu_ps(row + i + 16)};
      store(words + i / 2, pair);
    }
    for (; i < count; i += 2) {
      uint32_t high = i + 1 < count ? bfloat16Of(row[i + 1]) : 0u;
      words[i / 2] = high << 16 | bfloat16Of(row[i]);
    }
  }

  static F joined(F low, F high) {
    __m512i l = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(low)));
    __m512i h = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(high)));
    return _mm512_castsi512_ps(_mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
  }

  static void fromRows(const float* rows, int64_t stride, int columns, uint32_t* words) {
    for (int c = 0; c < columns; c += 16) {
      F pair = joined(_mm512_loadu_ps(rows + c), _mm512_loadu_ps(rows + stride + c));
      _mm512_storeu_ps(words + c, pair);
    }
  }

  template <int kCount>
  static void store(uint32_t* to, const F (&x)[kCount]) {
    for (int v = 0; v + 1 < kCount; v += 2) {
      _mm512_storeu_si512(to + v * 8,
                          reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(x[v + 1], x[v])));
    }
    if constexpr (kCount % 2 == 1) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + (kCount - 1) * 8),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x[kCount - 1])));
    }
  }

  // Adds to a sum what store() makes of x.
  template <int kCount>
  static F addRounded(const F (&x)[kCount], F sum) {
    __m512bh ones = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f80));
    for (int v = 0; v + 1 < kCount; v += 2) {
      sum = _mm512_dpbf16_ps(sum, _mm512_cvtne2ps_pbh(x[v + 1], x[v]), ones);
    }
    if constexpr (kCount % 2 == 1) {
      sum = _mm512_dpbf16_ps(sum, _mm512_cvtne2ps_pbh(_mm512_setzero_ps(), x[kCount - 1]), ones);
    }
    return sum;
  }

  // All 64 columns of a panel reach an epilogue at once, so nothing is stored before them.
  static void scaleStored(uint32_t*, int, float) {}
};

}  // namespace
}  // namespace a4j
