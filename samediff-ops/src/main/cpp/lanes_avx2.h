// Eight floats at a time on AVX2 and FMA. See lanes_scalar.h.
#pragma once

#include <immintrin.h>

#include "lanes_scalar.h"

namespace a4j {
namespace {

struct Avx2Lanes {
  static constexpr int kWidth = 8;
  // 16 registers: 6 x 2 sums, 2 columns and a broadcast.
  static constexpr int kVectors = 2;
  static constexpr int rowsFor(int vectors) { return vectors == 2 ? 6 : 8; }

  using F = __m256;
  using I = __m256i;
  using M = __m256;

  static F set(float x) { return _mm256_set1_ps(x); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F sqrt(F a) { return _mm256_sqrt_ps(a); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F productError(F a, F b, F product) { return _mm256_fmsub_ps(a, b, product); }

  static F loadBfloat16(const uint16_t* p) {
    __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static F lowBfloat16(const uint32_t* p) {
    I pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  }
  static F highBfloat16(const uint32_t* p) {
    I pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_castsi256_ps(
        _mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  static float sum(F x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }

  static float highest(F x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

  static M greater(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
  static bool any(M m) { return _mm256_movemask_ps(m) != 0; }
  static F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m); }

  static I setInt(int32_t x) { return _mm256_set1_epi32(x); }
  static I loadInt(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static I subInt(I a, I b) { return _mm256_sub_epi32(a, b); }
  static I absInt(I a) { return _mm256_abs_epi32(a); }
  static F toFloat(I a) { return _mm256_cvtepi32_ps(a); }
  static M between(I low, I x, I high) {
    __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi32(low, x), _mm256_cmpgt_epi32(x, high));
    return _mm256_castsi256_ps(_mm256_xor_si256(outside, _mm256_set1_epi32(-1)));
  }

  template <int kDegree>
  static F exp2(F x) {
    const float* c = kDegree == 4 ? kExp2Degree4 : kExp2Degree5;
    // max() gives its second operand for NaN, so NaN goes on through the polynomial.
    F bounded = _mm256_min_ps(set(128.0f), _mm256_max_ps(set(kExp2Lowest - 1), x));
    F whole = _mm256_floor_ps(bounded);
    F r = _mm256_sub_ps(bounded, whole);
    F p = set(c[kDegree]);
    for (int i = kDegree - 1; i >= 0; i--) {
      p = fma(p, r, set(c[i]));
    }
    I exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
    F power = _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
    return _mm256_andnot_ps(_mm256_cmp_ps(x, set(kExp2Lowest), _CMP_LT_OQ), mul(p, power));
  }

  static F toBfloat16AndBack(F x) {
    __m256i bits = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i kept = _mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int>(0xffff0000u)));
    return select(_mm256_cmp_ps(x, x, _CMP_UNORD_Q), x, _mm256_castsi256_ps(kept));
  }

  static void transpose(const uint32_t* from, int64_t fromStride, uint32_t* to, int64_t toStride) {
    __m256 r[8];
    __m256 t[8];
    for (int i = 0; i < 8; i++) {
      r[i] = load(reinterpret_cast<const float*>(from + i * fromStride));
    }
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      for (int half = 0; half < 2; half++) {
        r[i + 2 * half] = _mm256_shuffle_ps(t[i + half], t[i + half + 2], 0x44);
        r[i + 2 * half + 1] = _mm256_shuffle_ps(t[i + half], t[i + half + 2], 0xee);
      }
    }
    for (int i = 0; i < 4; i++) {
      store(reinterpret_cast<float*>(to + i * toStride),
            _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
      store(reinterpret_cast<float*>(to + (i + 4) * toStride),
            _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
  }
};

}  // namespace
}  // namespace a4j
