// Arrays of any strides and element type as contiguous rows of floats: what kernels compute on.
//
// A row is everything along dimension 3. Rounding to the array's type happens at the store.
#pragma once

#include "anchor4j.h"
#include "lanes_scalar.h"

namespace a4j {
namespace {

inline float floatOfFloat16(uint16_t x) {
  uint32_t magnitude = static_cast<uint32_t>(x & 0x7fffu) << 13;
  // As a float the exponent is short of 112. Below the normal range of float16 the fraction is
  // exact as 0.5 + fraction - 0.5, without going through a subnormal float.
  float normal = floatOf(magnitude + (112u << 23));
  float subnormal = floatOf((x & 0x3ffu) | 0x3f000000u) - 0.5f;
  float infinite = floatOf(magnitude | 0x7f800000u);  // or NaN
  uint32_t exponent = x & 0x7c00u;
  float finite = exponent == 0 ? subnormal : normal;
  float absolute = exponent == 0x7c00u ? infinite : finite;
  return floatOf(bitsOf(absolute) | static_cast<uint32_t>(x & 0x8000u) << 16);
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline uint16_t float16Of(float x) {
  uint32_t bits = bitsOf(x);
  uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  // The sum's last place is that of float16's subnormals, so the addition rounds.
  uint32_t subnormal = bitsOf(floatOf(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t finite = magnitude < (113u << 23) ? subnormal : normal;
  uint32_t infinite = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  // 65520 is halfway between the largest float16 and what would follow it.
  uint32_t absolute = magnitude >= 0x477ff000u ? infinite : finite;
  return static_cast<uint16_t>(absolute | (bits >> 16 & 0x8000u));
}

struct Float32Elements {
  using Stored = float;
  static float load(float x) { return x; }
  static float round(float x) { return x; }
};

struct Bfloat16Elements {
  using Stored = uint16_t;
  static float load(uint16_t x) { return floatOfBfloat16(x); }
  static uint16_t round(float x) { return bfloat16Of(x); }
};

struct Float16Elements {
  using Stored = uint16_t;
  static float load(uint16_t x) { return floatOfFloat16(x); }
  static uint16_t round(float x) { return float16Of(x); }
};

template <class F>
void withElements(int32_t type, F&& f) {
  switch (type) {
    case A4J_BFLOAT16:
      f(Bfloat16Elements());
      break;
    case A4J_FLOAT16:
      f(Float16Elements());
      break;
    default:
      f(Float32Elements());
  }
}

// The position of a row's first element.
inline int64_t rowOffset(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2) {
  return i0 * array.stride[0] + i1 * array.stride[1] + i2 * array.stride[2];
}

// Loads `count` elements that lie `stride` apart.
inline void loadElements(const a4j_array& array, int64_t offset, int64_t stride, int64_t count,
                         float* row) {
  withElements(array.type, [&](auto type) {
    using E = decltype(type);
    auto* from = static_cast<const typename E::Stored*>(array.data) + offset;
    if (stride == 1) {
      for (int64_t i = 0; i < count; i++) {
        row[i] = E::load(from[i]);
      }
    } else {
      for (int64_t i = 0; i < count; i++) {
        row[i] = E::load(from[i * stride]);
      }
    }
  });
}

inline void storeElements(const a4j_array& array, int64_t offset, int64_t stride, int64_t count,
                          const float* row) {
  withElements(array.type, [&](auto type) {
    using E = decltype(type);
    auto* to = static_cast<typename E::Stored*>(array.data) + offset;
    if (stride == 1) {
      for (int64_t i = 0; i < count; i++) {
        to[i] = E::round(row[i]);
      }
    } else {
      for (int64_t i = 0; i < count; i++) {
        to[i * stride] = E::round(row[i]);
      }
    }
  });
}

inline void loadRow(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2, float* row) {
  loadElements(array, rowOffset(array, i0, i1, i2), array.stride[3], array.shape[3], row);
}

inline void storeRow(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2, const float* row) {
  storeElements(array, rowOffset(array, i0, i1, i2), array.stride[3], array.shape[3], row);
}

// Whether rows are contiguous floats, to be computed on where they are.
inline bool hasPlainRows(const a4j_array& array) {
  return array.type == A4J_FLOAT32 && (array.stride[3] == 1 || array.shape[3] == 1);
}

// Whether neighbours along dimension 2 lie closer than those along dimension 3, as in a transposed
// view: then rows are loaded and stored some at a time, or each would touch every cache line.
inline bool hasTransposedRows(const a4j_array& array) {
  return array.shape[2] > 1 && array.stride[2] != 0 && array.shape[3] > 1 &&
         array.stride[2] < array.stride[3];
}

// Loads rows [i2, i2 + count), one every `rowStride` floats.
inline void loadRows(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2, int64_t count,
                     float* rows, int64_t rowStride) {
  if (!hasTransposedRows(array)) {
    // One loop over all rows: a call for each costs as much as what it loads.
    withElements(array.type, [&](auto type) {
      using E = decltype(type);
      const int64_t length = array.shape[3];
      const int64_t step = array.stride[3];
      auto* from =
          static_cast<const typename E::Stored*>(array.data) + rowOffset(array, i0, i1, i2);
      float* to = rows;
      for (int64_t r = 0; r < count; r++) {
        if (step == 1) {
          for (int64_t i = 0; i < length; i++) {
            to[i] = E::load(from[i]);
          }
        } else {
          for (int64_t i = 0; i < length; i++) {
            to[i] = E::load(from[i * step]);
          }
        }
        from += array.stride[2];
        to += rowStride;
      }
    });
    return;
  }
  withElements(array.type, [&](auto type) {
    using E = decltype(type);
    auto* from = static_cast<const typename E::Stored*>(array.data) + rowOffset(array, i0, i1, i2);
    for (int64_t i = 0; i < array.shape[3]; i++) {
      for (int64_t r = 0; r < count; r++) {
        rows[r * rowStride + i] = E::load(from[i * array.stride[3] + r * array.stride[2]]);
      }
    }
  });
}

// Stores what loadRows would load.
inline void storeRows(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2, int64_t count,
                      const float* rows, int64_t rowStride) {
  if (!hasTransposedRows(array)) {
    for (int64_t r = 0; r < count; r++) {
      storeRow(array, i0, i1, i2 + r, rows + r * rowStride);
    }
    return;
  }
  withElements(array.type, [&](auto type) {
    using E = decltype(type);
    auto* to = static_cast<typename E::Stored*>(array.data) + rowOffset(array, i0, i1, i2);
    for (int64_t i = 0; i < array.shape[3]; i++) {
      for (int64_t r = 0; r < count; r++) {
        to[i * array.stride[3] + r * array.stride[2]] = E::round(rows[r * rowStride + i]);
      }
    }
  });
}

}  // namespace
}  // namespace a4j
