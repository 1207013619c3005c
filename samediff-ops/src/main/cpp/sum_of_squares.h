// The sum of an array's squares in double, in an order that depends on the length alone.
#pragma once

#include "operands.h"
#include "scratch.h"

namespace a4j {
namespace {

// Sixteen sums side by side. The product of two floats is exact in double, so that fused and
// separate additions, and with them all instruction sets, give the same bits.
struct SumOfSquares {
  double sums[16] = {};

  // What comes first must be a multiple of 16 elements long, unless nothing follows.
  void add(const float* x, int64_t count) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
      for (int k = 0; k < 16; k++) {
        double wide = x[i + k];
        sums[k] += wide * wide;
      }
    }
    for (int k = 0; i + k < count; k++) {
      double wide = x[i + k];
      sums[k] += wide * wide;
    }
  }

  double total() {
    for (int half = 8; half > 0; half /= 2) {
      for (int k = 0; k < half; k++) {
        sums[k] += sums[k + half];
      }
    }
    return sums[0];
  }
};

// Not a template: the lanes have no doubles, and the compiler vectorises this for each file.
inline double sumOfSquares(const a4j_array& given) {
  constexpr int64_t kBuffer = 2048;
  a4j_array array = given;
  mergeDimensions(&array, 1, 3);
  const int64_t length = elementsOf(array);
  const bool flat = hasPlainRows(array) && rowsOf(array) == 1;
  const int64_t chunks = piecesOf(length, kTaskElements);
  auto* sums = scratchOf<double>(chunks);
  parallelFor(chunks, [&](int64_t chunk, int) {
    int64_t from = chunk * kTaskElements;
    int64_t end = smaller(length, from + kTaskElements);
    SumOfSquares squares;
    if (flat) {
      squares.add(static_cast<const float*>(array.data) + from, end - from);
    } else {
      float buffer[kBuffer];
      for (; from < end; from += kBuffer) {
        int64_t count = smaller(kBuffer, end - from);
        loadFlat(array, from, count, buffer);
        squares.add(buffer, count);
      }
    }
    sums[chunk] = squares.total();
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < chunks; chunk++) {
    sum += sums[chunk];
  }
  return sum;
}

}  // namespace
}  // namespace a4j
