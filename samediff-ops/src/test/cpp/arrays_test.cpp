// The conversions over every float16 and bfloat16, and rows through every layout.
#include "arrays.h"

#include <cmath>
#include <vector>

#include "check.h"

namespace a4j {
namespace {

double exactFloat16(uint16_t x) {
  int exponent = x >> 10 & 31;
  int fraction = x & 1023;
  double magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                     : exponent == 0 ? std::ldexp(fraction, -24)
                                     : std::ldexp(1024 + fraction, exponent - 25);
  return x & 0x8000 ? -magnitude : magnitude;
}

void everyFloat16SurvivesAndNeighboursRoundToTheNearest() {
  for (int i = 0; i < 65536; i++) {
    auto x = static_cast<uint16_t>(i);
    float wide = floatOfFloat16(x);
    double exact = exactFloat16(x);
    if (std::isnan(exact)) {
      CHECK(std::isnan(wide) && std::isnan(exactFloat16(float16Of(wide))), "%04x", i);
      continue;
    }
    CHECK(wide == exact && std::signbit(wide) == std::signbit(exact), "%04x: %g", i, wide);
    CHECK(float16Of(wide) == x, "%04x became %04x", i, float16Of(wide));
    if ((x & 0x7fff) >= 0x7bff) {
      continue;  // the largest and infinity have no finite neighbour above
    }
    float halfway = static_cast<float>((exact + exactFloat16(x + 1)) / 2);
    uint16_t even = x & 1 ? x + 1 : x;
    CHECK(float16Of(halfway) == even, "halfway above %04x became %04x", i, float16Of(halfway));
    CHECK(float16Of(std::nextafter(halfway, wide)) == x, "just below halfway above %04x", i);
  }
  CHECK(float16Of(65519.99f) == 0x7bff, "%04x", float16Of(65519.99f));
  CHECK(float16Of(65520) == 0x7c00, "%04x", float16Of(65520));
  CHECK(float16Of(-1e30f) == 0xfc00, "%04x", float16Of(-1e30f));
  CHECK(float16Of(1e-30f) == 0, "%04x", float16Of(1e-30f));
}

void everyBfloat16SurvivesAndTiesGoToEven() {
  for (int i = 0; i < 65536; i++) {
    auto x = static_cast<uint16_t>(i);
    float wide = floatOfBfloat16(x);
    if (std::isnan(wide)) {
      CHECK(std::isnan(floatOfBfloat16(bfloat16Of(wide))), "%04x", i);
      continue;
    }
    CHECK(bfloat16Of(wide) == x, "%04x became %04x", i, bfloat16Of(wide));
    float halfway = floatOf(static_cast<uint32_t>(x) << 16 | 0x8000);
    if (!std::isnan(halfway)) {
      CHECK(bfloat16Of(halfway) == (x & 1 ? x + 1 : x), "halfway above %04x", i);
    }
  }
}

// Element (i0, i1, i2, i3) of every array below.
float valueAt(int64_t i0, int64_t i1, int64_t i2, int64_t i3) {
  return static_cast<float>(i0 * 71 + i1 * 23 + i2 * 7 + i3) / 4;
}

void rowsComeBackInEveryLayoutAndType() {
  const int64_t shape[4] = {2, 3, 5, 7};
  const int64_t layouts[][4] = {
      {105, 35, 7, 1},    // contiguous
      {105, 35, 1, 5},    // rows transposed
      {7, 14, 42, 1},     // tokens before heads
      {1, 2, 6, 30},      // Fortran order
      {420, 140, 28, 4},  // every fourth element
  };
  for (int32_t type : {A4J_FLOAT32, A4J_BFLOAT16, A4J_FLOAT16}) {
    for (auto& stride : layouts) {
      // Not a byte more than the layout spans, for the address sanitizer to see.
      int64_t elements = 1 + stride[0] + 2 * stride[1] + 4 * stride[2] + 6 * stride[3];
      std::vector<unsigned char> memory(elements * (type == A4J_FLOAT32 ? 4 : 2));
      a4j_array array = {};
      array.data = memory.data();
      array.type = type;
      for (int d = 0; d < 4; d++) {
        array.shape[d] = shape[d];
        array.stride[d] = stride[d];
      }
      float rows[5 * 8];
      for (int64_t i0 = 0; i0 < 2; i0++) {
        for (int64_t i1 = 0; i1 < 3; i1++) {
          for (int64_t i2 = 0; i2 < 5; i2++) {
            for (int64_t i3 = 0; i3 < 7; i3++) {
              rows[i2 * 8 + i3] = valueAt(i0, i1, i2, i3);
            }
          }
          storeRows(array, i0, i1, 0, 4, rows, 8);
          storeRow(array, i0, i1, 4, rows + 4 * 8);
        }
      }
      for (int64_t i0 = 0; i0 < 2; i0++) {
        for (int64_t i1 = 0; i1 < 3; i1++) {
          loadRow(array, i0, i1, 0, rows);
          loadRows(array, i0, i1, 1, 4, rows + 8, 8);
          for (int64_t i2 = 0; i2 < 5; i2++) {
            for (int64_t i3 = 0; i3 < 7; i3++) {
              float expected = valueAt(i0, i1, i2, i3);
              float actual = rows[i2 * 8 + i3];
              CHECK(actual == expected, "type %d, strides %d %d %d %d: %g, expected %g", type,
                    (int)stride[0], (int)stride[1], (int)stride[2], (int)stride[3], actual,
                    expected);
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace a4j

int main() {
  a4j::everyFloat16SurvivesAndNeighboursRoundToTheNearest();
  a4j::everyBfloat16SurvivesAndTiesGoToEven();
  a4j::rowsComeBackInEveryLayoutAndType();
  return a4j_test::result("arrays");
}
