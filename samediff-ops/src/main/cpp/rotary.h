// Heads turned by a table of angles, forth or back.
#pragma once

#include "operands.h"
#include "scratch.h"

namespace a4j {
namespace {

// Turns one row of which 2 * pairs dimensions rotate.
template <bool kInterleaved>
void rotateRow(const float* __restrict x, const float* __restrict cosines,
               const float* __restrict sines, int pairs, int64_t headDim, float* __restrict y) {
  constexpr int kStep = kInterleaved ? 2 : 1;
  const int64_t second = kInterleaved ? 1 : pairs;
  for (int i = 0; i < pairs; i++) {
    float a = x[i * kStep];
    float b = x[i * kStep + second];
    y[i * kStep] = a * cosines[i] - b * sines[i];
    y[i * kStep + second] = b * cosines[i] + a * sines[i];
  }
  for (int64_t d = 2 * pairs; d < headDim; d++) {
    y[d] = x[d];
  }
}

// Not a template of lanes: the compiler vectorises rotateRow for each file.
inline void rotary(int inverse, int pairing, int pairs, const float* angles, const a4j_array& heads,
                   const a4j_array& rotated) {
  const int64_t headCount = heads.shape[1];
  const int64_t tokens = heads.shape[2];
  const int64_t headDim = heads.shape[3];
  const bool transposed = hasTransposedRows(heads) || hasTransposedRows(rotated);
  const int64_t atOnce = transposed ? kTransposedRows : 1;
  const int64_t tokenBlocks = piecesOf(tokens, atOnce);
  const int64_t rowFloats = (headDim + 15) & ~int64_t{15};
  const int64_t workerFloats = atOnce * 3 * rowFloats;
  auto* buffers = scratchOf<float>(threads() * workerFloats);
  const auto rotate = pairing == A4J_INTERLEAVED ? rotateRow<true> : rotateRow<false>;
  const int64_t elements = smaller(atOnce, tokens) * headCount * headDim;

  parallelUnits(heads.shape[0] * tokenBlocks, elements, [&](int64_t unit, int worker) {
    int64_t b = unit / tokenBlocks;
    int64_t t = unit % tokenBlocks * atOnce;
    int64_t count = smaller(atOnce, tokens - t);
    float* table = buffers + worker * workerFloats;
    float* loaded = table + atOnce * rowFloats;
    float* computed = loaded + atOnce * rowFloats;
    for (int64_t r = 0; r < count; r++) {
      const float* from = angles + (b * tokens + t + r) * pairs * 2;
      float* cosines = table + r * rowFloats;
      float* sines = cosines + pairs;
      for (int i = 0; i < pairs; i++) {
        cosines[i] = from[2 * i];
        sines[i] = inverse ? -from[2 * i + 1] : from[2 * i + 1];
      }
    }
    for (int64_t h = 0; h < headCount; h++) {
      const float* x = loaded;
      int64_t xStride = rowFloats;
      if (hasPlainRows(heads)) {
        x = plainRow(heads, b, h, t);
        xStride = heads.stride[2];
      } else {
        loadRows(heads, b, h, t, count, loaded, rowFloats);
      }
      float* y = hasPlainRows(rotated) ? plainRow(rotated, b, h, t) : computed;
      int64_t yStride = hasPlainRows(rotated) ? rotated.stride[2] : rowFloats;
      for (int64_t r = 0; r < count; r++) {
        const float* cosines = table + r * rowFloats;
        rotate(x + r * xStride, cosines, cosines + pairs, pairs, headDim, y + r * yStride);
      }
      if (y == computed) {
        storeRows(rotated, b, h, t, count, computed, rowFloats);
      }
    }
  });
}

}  // namespace
}  // namespace a4j
