// Sixteen floats at a time on AVX-512 F, BW, DQ and VL. See lanes_scalar.h.
#pragma once

#include <immintrin.h>

#include "lanes_scalar.h"

namespace a4j {
namespace {

struct Avx512Lanes {
  static constexpr int kWidth = 16;
  // 32 registers: sums for 4 x 4 vectors leave room for the columns and for what the epilogue
  // needs; narrower tiles take more rows, so that as many products are under way.
  static constexpr int kVectors = 4;
  static constexpr int rowsFor(int vectors) {
    return vectors == 4 ? 4 : vectors == 3 ? 4 : vectors == 2 ? 8 : 16;
  }

  using F = __m512;
  using I = __m512i;
  using M = __mmask16;

  static F set(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F sqrt(F a) { return _mm512_sqrt_ps(a); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F productError(F a, F b, F product) { return _mm512_fmsub_ps(a, b, product); }
  static F loadBfloat16(const uint16_t* p) {
    __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static F lowBfloat16(const uint32_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
  }
  static F highBfloat16(const uint32_t* p) {
    I upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), upper));
  }
  static float sum(F x) { return _mm512_reduce_add_ps(x); }
  static float highest(F x) { return _mm512_reduce_max_ps(x); }

  static M greater(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static bool any(M m) { return m != 0; }
  static F select(M m, F yes, F no) { return _mm512_mask_mov_ps(no, m, yes); }

  static I setInt(int32_t x) { return _mm512_set1_epi32(x); }
  static I loadInt(const int32_t* p) { return _mm512_loadu_si512(p); }
  static I subInt(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I absInt(I a) { return _mm512_abs_epi32(a); }
  static F toFloat(I a) { return _mm512_cvtepi32_ps(a); }
  static M between(I low, I x, I high) {
    return _mm512_mask_cmple_epi32_mask(_mm512_cmple_epi32_mask(low, x), x, high);
  }

  template <int kDegree>
  static F exp2(F x) {
    const float* c = kDegree == 4 ? kExp2Degree4 : kExp2Degree5;
    F r = _mm512_reduce_ps(x, 1);  // x - floor(x)
    F p = set(c[kDegree]);
    for (int i = kDegree - 1; i >= 0; i--) {
      p = fma(p, r, set(c[i]));
    }
    return _mm512_scalef_ps(p, x);  // p 2^floor(x)
  }

  static F toBfloat16AndBack(F x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i kept = _mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
    return select(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x, _mm512_castsi512_ps(kept));
  }

  static void transpose(const uint32_t* from, int64_t fromStride, uint32_t* to, int64_t toStride) {
    __m512i r[16];
    __m512i t[16];
    for (int i = 0; i < 16; i++) {
      r[i] = _mm512_loadu_si512(from + i * fromStride);
    }
    // Pairs of rows by words, then by double words: each 128-bit lane then holds 4 rows of a
    // column.
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
      for (int half = 0; half < 2; half++) {
        r[i + 2 * half] = _mm512_unpacklo_epi64(t[i + half], t[i + half + 2]);
        r[i + 2 * half + 1] = _mm512_unpackhi_epi64(t[i + half], t[i + half + 2]);
      }
    }
    for (int i = 0; i < 4; i++) {
      t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
      t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
      t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
      t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 8; i++) {
      _mm512_storeu_si512(to + i * toStride, _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88));
      _mm512_storeu_si512(to + (i + 8) * toStride, _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd));
    }
  }
};

}  // namespace
}  // namespace a4j
