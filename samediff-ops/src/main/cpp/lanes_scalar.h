// One float at a time: the model for the other lanes, which have the same members and meaning.
#pragma once

#include <cstdint>
#include <cstring>

namespace a4j {
namespace {

// 2^r for r in [0, 1): minimax polynomials of relative error 2.6e-6 (degree 4, enough where the
// result is rounded to bfloat16) and 7.5e-8 (degree 5).
constexpr float kExp2Degree4[] = {1.00000259f, 0.693003836f, 0.241442753f, 0.0520114639f,
                                  0.0135341676f};
constexpr float kExp2Degree5[] = {0.999999925f,  0.693153073f,   0.240153617f,
                                  0.0558263174f, 0.00898934047f, 0.00187757664f};

constexpr float kLog2E = 1.44269504088896341f;

// Below this 2^x is taken for 0, so that what a mask hides weighs exactly nothing.
constexpr float kExp2Lowest = -126.0f;

inline uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float floatOf(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline uint16_t bfloat16Of(float x) {
  uint32_t bits = bitsOf(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return static_cast<uint16_t>((bits >> 16) | 0x40);
  }
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

inline float floatOfBfloat16(uint16_t x) { return floatOf(static_cast<uint32_t>(x) << 16); }

struct ScalarLanes {
  static constexpr int kWidth = 1;
  // Vectors of a product's tile and the rows beside them: what the registers hold.
  static constexpr int kVectors = 4;
  static constexpr int rowsFor(int) { return 4; }

  using F = float;
  using I = int32_t;
  using M = bool;

  static F set(float x) { return x; }
  static F load(const float* p) { return *p; }
  static void store(float* p, F x) { *p = x; }
  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F sqrt(F a) { return __builtin_sqrtf(a); }
  static F max(F a, F b) { return a > b ? a : b; }  // b where either is NaN
  static F fma(F a, F b, F c) { return a * b + c; }
  // a b - product, exactly, where product is a b as rounded by mul.
  static F productError(F a, F b, F product) {
    return static_cast<float>(static_cast<double>(a) * b - product);
  }
  // Neighbouring bfloat16, and the lower and upper halves of neighbouring pairs.
  static F loadBfloat16(const uint16_t* p) { return floatOfBfloat16(*p); }
  static F lowBfloat16(const uint32_t* p) { return floatOf(*p << 16); }
  static F highBfloat16(const uint32_t* p) { return floatOf(*p & 0xffff0000u); }
  static float sum(F x) { return x; }
  static float highest(F x) { return x; }

  static M greater(F a, F b) { return a > b; }
  static bool any(M m) { return m; }
  static F select(M m, F yes, F no) { return m ? yes : no; }

  static I setInt(int32_t x) { return x; }
  static I loadInt(const int32_t* p) { return *p; }
  static I subInt(I a, I b) { return a - b; }
  static I absInt(I a) { return a < 0 ? -a : a; }
  static F toFloat(I a) { return static_cast<float>(a); }
  // Lanes where low <= x <= high.
  static M between(I low, I x, I high) { return low <= x && x <= high; }

  // 2^x, exactly 0 from kExp2Lowest down (with vector lanes from thereabouts), NaN for NaN.
  template <int kDegree>
  static F exp2(F x) {
    if (x < kExp2Lowest) {
      return 0;
    }
    if (!(x < 128)) {
      return x + floatOf(0x7f800000u);  // infinity, or NaN
    }
    int whole = static_cast<int>(x);
    whole -= static_cast<float>(whole) > x;
    float r = x - static_cast<float>(whole);
    const float* c = kDegree == 4 ? kExp2Degree4 : kExp2Degree5;
    float p = c[kDegree];
    for (int i = kDegree - 1; i >= 0; i--) {
      p = p * r + c[i];
    }
    return p * floatOf(static_cast<uint32_t>(whole + 127) << 23);
  }

  static F toBfloat16AndBack(F x) { return floatOfBfloat16(bfloat16Of(x)); }

  // Transposes a block of kWidth x kWidth words.
  static void transpose(const uint32_t* from, int64_t, uint32_t* to, int64_t) { *to = *from; }
};

}  // namespace
}  // namespace a4j
