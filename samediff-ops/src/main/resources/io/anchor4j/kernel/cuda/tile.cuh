// Products of bfloat16 tiles in shared memory, a warp's share of them.
//
// Rows of a tile lie kHeadDim + 8 elements apart: 16 bytes more than a multiple of 32, so that the
// eight rows which loadMatrices reads at once are in different banks.
#pragma once

#include <warp.cuh>

using Bits = unsigned short;  // a bfloat16

template <int kHeadDim>
constexpr int kRowStride = kHeadDim + 8;

// Starts to copy kRows dense rows to shared memory.
template <int kHeadDim, int kRows, int kThreads>
DEVICE void copyRows(Bits* to, const Bits* from) {
  constexpr int kPieces = kHeadDim / 8;
  if constexpr (kThreads % kPieces == 0 && kRows * kPieces % kThreads == 0) {
    // A thread's pieces lie a fixed number of rows apart, which leaves one address of each side.
    const int thread = threadIndexAgain();
    const int row = thread / kPieces;
    const int column = thread % kPieces * 8;
    Bits* first = to + row * kRowStride<kHeadDim> + column;
    const Bits* source = from + row * kHeadDim + column;
#pragma unroll
    for (int i = 0; i < kRows; i += kThreads / kPieces) {
      copyAsync(first + i * kRowStride<kHeadDim>, source + i * kHeadDim);
    }
  } else {
    for (int i = threadIndex(); i < kRows * kPieces; i += kThreads) {
      const int row = i / kPieces;
      const int column = i % kPieces * 8;
      copyAsync(to + row * kRowStride<kHeadDim> + column, from + row * kHeadDim + column);
    }
  }
}

// sums [16 kBlocks x kColumns] += a [16 kBlocks x kHeadDim] b^T [kHeadDim x kColumns]; a and b are
// rows in shared memory.
template <int kHeadDim, int kBlocks, int kColumns>
DEVICE void multiplyTransposed(float (&sums)[kBlocks][kColumns / 8][4], const Bits* a,
                               const Bits* b) {
  const int lane = threadIndexAgain() % 32;
  const Bits* aRow = a + lane % 16 * kRowStride<kHeadDim> + lane / 16 * 8;
  const Bits* bRow = b + (lane / 16 * 8 + lane % 8) * kRowStride<kHeadDim> + lane / 8 % 2 * 8;
#pragma unroll
  for (int k = 0; k < kHeadDim; k += 16) {
    unsigned left[kBlocks][4];
#pragma unroll
    for (int i = 0; i < kBlocks; i++) {
      loadMatrices(left[i], aRow + i * 16 * kRowStride<kHeadDim> + k);
    }
#pragma unroll
    for (int n = 0; n < kColumns / 16; n++) {
      unsigned right[4];
      loadMatrices(right, bRow + n * 16 * kRowStride<kHeadDim> + k);
#pragma unroll
      for (int i = 0; i < kBlocks; i++) {
        multiply(sums[i][2 * n], left[i], right[0], right[1]);
        multiply(sums[i][2 * n + 1], left[i], right[2], right[3]);
      }
    }
  }
}

// Scores of pairs of bfloat16: the smallest parts first.
template <int kHeadDim, int kBlocks, int kColumns, bool kPairs>
DEVICE void multiplyScores(float (&sums)[kBlocks][kColumns / 8][4], const Bits* a,
                           const Bits* aLow, const Bits* b, const Bits* bLow) {
  if constexpr (kPairs) {
    multiplyTransposed<kHeadDim, kBlocks, kColumns>(sums, aLow, b);
    multiplyTransposed<kHeadDim, kBlocks, kColumns>(sums, a, bLow);
  }
  multiplyTransposed<kHeadDim, kBlocks, kColumns>(sums, a, b);
}

// sums [16 kBlocks x kHeadDim] += a [16 kBlocks x kDepth] b [kDepth x kHeadDim]; a are sums of
// another product, rounded, b rows in shared memory.
template <int kHeadDim, int kBlocks, int kDepth>
DEVICE void multiplyRounded(float (&sums)[kBlocks][kHeadDim / 8][4],
                            const float (&a)[kBlocks][kDepth / 8][4], const Bits* b) {
  const int lane = threadIndexAgain() % 32;
  const Bits* bRow = b + lane % 16 * kRowStride<kHeadDim> + lane / 16 * 8;
#pragma unroll
  for (int k = 0; k < kDepth / 16; k++) {
    unsigned left[kBlocks][4];
#pragma unroll
    for (int i = 0; i < kBlocks; i++) {
      // Where the sums of two tiles of 8 columns lie is where a's 16 columns are wanted.
      left[i][0] = pairOf(a[i][2 * k][0], a[i][2 * k][1]);
      left[i][1] = pairOf(a[i][2 * k][2], a[i][2 * k][3]);
      left[i][2] = pairOf(a[i][2 * k + 1][0], a[i][2 * k + 1][1]);
      left[i][3] = pairOf(a[i][2 * k + 1][2], a[i][2 * k + 1][3]);
    }
#pragma unroll
    for (int n = 0; n < kHeadDim / 16; n++) {
      unsigned right[4];
      loadMatricesTransposed(right, bRow + k * 16 * kRowStride<kHeadDim> + n * 16);
#pragma unroll
      for (int i = 0; i < kBlocks; i++) {
        multiply(sums[i][2 * n], left[i], right[0], right[1]);
        multiply(sums[i][2 * n + 1], left[i], right[2], right[3]);
      }
    }
  }
}

// Sums, row by row in shared memory, kHeadDim + 4 apart: `rows` is where the warp's first one lies.
template <int kHeadDim, int kBlocks>
DEVICE void stage(float* rows, const float (&sums)[kBlocks][kHeadDim / 8][4], float factor) {
  const int lane = threadIndexAgain() % 32;
#pragma unroll
  for (int i = 0; i < kBlocks; i++) {
#pragma unroll
    for (int n = 0; n < kHeadDim / 8; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int row = i * 16 + lane / 4 + e / 2 * 8;
        rows[row * (kHeadDim + 4) + n * 8 + lane % 4 * 2 + e % 2] = sums[i][n][e] * factor;
      }
    }
  }
}
