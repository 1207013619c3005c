// Linear layers for tests: arrays of any layout, and what is expected of their products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "arrays.h"
#include "check.h"

namespace a4j {
namespace {

std::mt19937 random(7);

// A matrix of `outer` x rows x columns in memory of its own, with room around that must not change.
struct Array {
  enum Layout { kPlain, kTransposed, kSpread, kPermuted };
  static constexpr uint8_t kRoom = 0xa5;

  std::vector<uint8_t> bytes;
  a4j_array array;

  Array(int32_t type, Layout layout, int64_t outer, int64_t rows, int64_t columns) {
    int64_t width = layout == kSpread ? 3 * columns + 5 : columns;
    int64_t strides[] = {rows * width, width, layout == kSpread ? 3 : 1};
    if (layout == kTransposed) {  // [outer, columns, rows] seen as [outer, rows, columns]
      strides[0] = rows * columns;
      strides[1] = 1;
      strides[2] = rows;
    } else if (layout == kPermuted) {  // [rows, outer, columns]
      strides[0] = columns;
      strides[1] = outer * columns;
    }
    int64_t bytesEach = type == A4J_FLOAT32 ? 4 : 2;
    bytes.assign(outer * rows * width * bytesEach + 128, kRoom);
    array = {bytes.data() + 64,
             type,
             {1, outer, rows, columns},
             {0, strides[0], strides[1], strides[2]}};
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < outer * rows; i++) {
      for (int64_t j = 0; j < columns; j++) {
        set(i, j, normal(random));
      }
    }
  }

  int64_t offset(int64_t i) const {
    return rowOffset(array, 0, i / array.shape[2], i % array.shape[2]);
  }
  int64_t rows() const { return array.shape[1] * array.shape[2]; }
  int64_t columns() const { return array.shape[3]; }

  double get(int64_t i, int64_t j) const {
    float x;
    loadElements(array, offset(i) + j * array.stride[3], 1, 1, &x);
    return x;
  }

  void set(int64_t i, int64_t j, float x) {
    storeElements(array, offset(i) + j * array.stride[3], 1, 1, &x);
  }

  bool roomIsUntouched() const {
    return std::all_of(bytes.begin(), bytes.begin() + 64, [](uint8_t b) { return b == kRoom; }) &&
           std::all_of(bytes.end() - 64, bytes.end(), [](uint8_t b) { return b == kRoom; });
  }
};

double rounded(double x, int precision) {
  return precision == A4J_PRECISION_FLOAT32 ? x
                                            : floatOfBfloat16(bfloat16Of(static_cast<float>(x)));
}

// Allowed: float32 sums of `depth` terms, then the rounding to the array's type.
double allowed(double exact, double scale, const Array& array) {
  double last = array.array.type == A4J_FLOAT32    ? 0
                : array.array.type == A4J_BFLOAT16 ? 4e-3
                                                   : 5e-4;
  return 4e-6 * scale + (last + 1e-6) * std::fabs(exact) + 1e-6;
}

void expectProduct(const char* what, const Array& actual, int64_t depth, int64_t m, int64_t n,
                   double (*term)(const void*, int64_t, int64_t, int64_t), const void* context,
                   double scale) {
  // Every element of small results, some of large ones.
  int64_t step = std::max<int64_t>(1, m * n / 3001);
  for (int64_t at = 0; at < m * n; at += step) {
    double exact = 0;
    for (int64_t k = 0; k < depth; k++) {
      exact += term(context, at / n, at % n, k);
    }
    double value = actual.get(at / n, at % n);
    CHECK(std::fabs(value - exact) <= allowed(exact, scale, actual),
          "%s %ldx%ldx%ld at %ld,%ld: %g, expected %g", what, static_cast<long>(m),
          static_cast<long>(depth), static_cast<long>(n), static_cast<long>(at / n),
          static_cast<long>(at % n), value, exact);
  }
  CHECK(actual.roomIsUntouched(), "%s wrote outside", what);
}

struct Linear {
  int precision;
  Array input;
  Array weight;
  Array bias;
  Array outputGradient;
  Array output;
  Array inputGradient;
  Array weightGradient;
  Array biasGradient;

  Linear(int precision, int32_t type, Array::Layout layout, Array::Layout weightLayout,
         int64_t outer, int64_t rows, int64_t in, int64_t out)
      : Linear(precision, type, type, layout, weightLayout, outer, rows, in, out) {}

  Linear(int precision, int32_t type, int32_t weightType, Array::Layout layout,
         Array::Layout weightLayout, int64_t outer, int64_t rows, int64_t in, int64_t out)
      : precision(precision),
        input(type, layout, outer, rows, in),
        weight(weightType, weightLayout, 1, in, out),
        bias(type, Array::kPlain, 1, 1, out),
        outputGradient(type, layout, outer, rows, out),
        output(outputGradient),
        inputGradient(input),
        weightGradient(weight),
        biasGradient(bias) {
    for (Array* own : {&output, &inputGradient, &weightGradient, &biasGradient}) {
      own->array.data = own->bytes.data() + 64;
    }
    outputGradient.array.data = outputGradient.bytes.data() + 64;
  }

  void forward(int isa) {
    int status =
        a4j_linear(isa, precision, &input.array, &weight.array, &bias.array, &output.array);
    CHECK(status == A4J_OK, "status %d", status);
  }

  void compute() {
    forward(A4J_SCALAR);
    int status = a4j_linear_gradient(A4J_SCALAR, precision, &input.array, &weight.array,
                                     &outputGradient.array, &inputGradient.array,
                                     &weightGradient.array, &biasGradient.array);
    CHECK(status == A4J_OK, "status %d", status);
  }

  double in(const Array& a, int64_t i, int64_t j) const { return rounded(a.get(i, j), precision); }

  void expectRightOutput(const char* what) const {
    int64_t k = input.columns();
    expectProduct(
        what, output, k + 1, input.rows(), weight.columns(),
        [](const void* p, int64_t i, int64_t j, int64_t d) {
          auto& l = *static_cast<const Linear*>(p);
          return d == l.input.columns() ? l.bias.get(0, j)
                                        : l.in(l.input, i, d) * l.in(l.weight, d, j);
        },
        this, std::sqrt(k));
  }

  void expectRight() const {
    expectRightOutput("output");
    int64_t m = input.rows();
    int64_t k = input.columns();
    int64_t n = weight.columns();
    expectProduct(
        "input gradient", inputGradient, n, m, k,
        [](const void* p, int64_t i, int64_t j, int64_t d) {
          auto& l = *static_cast<const Linear*>(p);
          return l.in(l.outputGradient, i, d) * l.in(l.weight, j, d);
        },
        this, std::sqrt(n));
    expectProduct(
        "weight gradient", weightGradient, m, k, n,
        [](const void* p, int64_t i, int64_t j, int64_t d) {
          auto& l = *static_cast<const Linear*>(p);
          return l.in(l.input, d, i) * l.in(l.outputGradient, d, j);
        },
        this, std::sqrt(m));
    expectProduct(
        "bias gradient", biasGradient, m, 1, n,
        [](const void* p, int64_t, int64_t j, int64_t d) {
          return static_cast<const Linear*>(p)->outputGradient.get(d, j);
        },
        this, std::sqrt(m));
  }
};

const int kPrecisions[] = {A4J_PRECISION_FLOAT32, A4J_PRECISION_BFLOAT16};

template <class F>
void onEveryInstructionSet(F&& f) {
  for (int isa = 0; isa < A4J_ISAS; isa++) {
    if (a4j_lacks(isa) == A4J_LACKS_NOTHING) {
      f(isa);
    } else {
      std::printf("linear: instruction set %d is not here\n", isa);
    }
  }
}

}  // namespace
}  // namespace a4j
