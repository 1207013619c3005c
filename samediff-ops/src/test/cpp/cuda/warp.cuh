// What the kernels' warp.cuh is on a GPU, by the emulator; its comments say what each does.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "arrays.h"
#include "emulator.h"

#define DEVICE inline
#define KERNEL(threads, name, Parameters)          \
  [[maybe_unused]] constexpr int name##_threads = threads; \
  [[maybe_unused]] static void name(const Parameters& p)

DEVICE int threadIndex() { return emulator::place.thread; }
DEVICE int threadIndexAgain() { return emulator::place.thread; }
DEVICE int blockThreads() { return emulator::place.threads; }
DEVICE int blockX() { return emulator::place.block[0]; }
DEVICE int blockY() { return emulator::place.block[1]; }
DEVICE int blockZ() { return emulator::place.block[2]; }
DEVICE int gridX() { return emulator::place.grid[0]; }

DEVICE char* sharedMemory() { return emulator::sharedMemory(); }

template <class Real>
DEVICE Real* blockScratch() {
  return reinterpret_cast<Real*>(emulator::blockScratch());
}

template <class T>
DEVICE T* deviceMemory(unsigned long long address) {
  return reinterpret_cast<T*>(address);
}

DEVICE void syncThreads() { emulator::syncThreads(); }

DEVICE unsigned ballot(bool vote) {
  struct Vote {
    bool mine;
    unsigned all;
  } operands = {vote, 0};
  emulator::together(
      [](void* const* lanes) {
        unsigned all = 0;
        for (int i = 0; i < 32; i++) {
          all |= static_cast<unsigned>(static_cast<Vote*>(lanes[i])->mine) << i;
        }
        for (int i = 0; i < 32; i++) {
          static_cast<Vote*>(lanes[i])->all = all;
        }
      },
      &operands);
  return operands.all;
}

DEVICE int lowestBit(unsigned bits) { return __builtin_ffs(static_cast<int>(bits)) - 1; }

template <class T>
DEVICE T shuffleXor(T x, int mask) {
  struct Shuffle {
    T mine;
    T other;
    int mask;
  } operands = {x, x, mask};
  emulator::together(
      [](void* const* lanes) {
        for (int i = 0; i < 32; i++) {
          auto* lane = static_cast<Shuffle*>(lanes[i]);
          lane->other = static_cast<Shuffle*>(lanes[i ^ lane->mask])->mine;
        }
      },
      &operands);
  return operands.other;
}

DEVICE unsigned bitsOf(float x) { return a4j::bitsOf(x); }
DEVICE float floatOf(unsigned bits) { return a4j::floatOf(bits); }
DEVICE float floatOfFloat16(unsigned short x) { return a4j::floatOfFloat16(x); }
DEVICE unsigned short float16Of(float x) { return a4j::float16Of(x); }

DEVICE unsigned pairOf(float low, float high) {
  return a4j::bfloat16Of(low) | static_cast<unsigned>(a4j::bfloat16Of(high)) << 16;
}

DEVICE float powerOfTwo(float x) {
  const float power = exp2f(x);
  return power < 1.17549435e-38f ? 0 : power;
}
DEVICE double powerOfTwo(double x) { return exp2(x); }
DEVICE float logarithmToTwo(float x) { return log2f(x); }
DEVICE double logarithmToTwo(double x) { return log2(x); }
DEVICE float exponential(float x) { return expf(x); }
DEVICE double exponential(double x) { return exp(x); }
DEVICE float logarithm(float x) { return logf(x); }
DEVICE double logarithm(double x) { return log(x); }
DEVICE float squareRoot(float x) { return sqrtf(x); }
DEVICE double squareRoot(double x) { return sqrt(x); }
DEVICE float larger(float x, float y) { return fmaxf(x, y); }
DEVICE double larger(double x, double y) { return fmax(x, y); }
DEVICE void sineAndCosine(double x, double* sine, double* cosine) {
  *sine = sin(x);
  *cosine = cos(x);
}

struct MatrixLoad {
  unsigned* matrices;
  const void* row;
};

template <bool kTransposed>
DEVICE void loadFourMatrices(unsigned (&matrices)[4], const void* row) {
  emulator::checkShared(row, 16);
  MatrixLoad operands = {matrices, row};
  emulator::together(
      [](void* const* lanes) {
        uint16_t at[4][8][8];
        for (int i = 0; i < 32; i++) {
          std::memcpy(at[i / 8][i % 8], static_cast<MatrixLoad*>(lanes[i])->row, 16);
        }
        for (int i = 0; i < 32; i++) {
          for (int m = 0; m < 4; m++) {
            const int t = i % 4 * 2;
            const unsigned low = kTransposed ? at[m][t][i / 4] : at[m][i / 4][t];
            const unsigned high = kTransposed ? at[m][t + 1][i / 4] : at[m][i / 4][t + 1];
            static_cast<MatrixLoad*>(lanes[i])->matrices[m] = low | high << 16;
          }
        }
      },
      &operands);
}

DEVICE void loadMatrices(unsigned (&matrices)[4], const void* row) {
  loadFourMatrices<false>(matrices, row);
}
DEVICE void loadMatricesTransposed(unsigned (&matrices)[4], const void* row) {
  loadFourMatrices<true>(matrices, row);
}

// Tensor cores cut sums off instead of rounding them: towards zero.
DEVICE float cutOff(double sum) {
  const auto rounded = static_cast<float>(sum);
  const bool past = std::fabs(static_cast<double>(rounded)) > std::fabs(sum);
  return past ? a4j::floatOf(a4j::bitsOf(rounded) - 1) : rounded;
}

struct Product {
  float* sums;
  const unsigned* a;
  unsigned b[2];
};

DEVICE void multiplyWarp(void* const* lanes) {
  double a[16][16];
  double b[16][8];
  double sums[16][8];
  for (int i = 0; i < 32; i++) {
    const auto* lane = static_cast<const Product*>(lanes[i]);
    const int g = i / 4;
    const int t = i % 4 * 2;
    for (int e = 0; e < 2; e++) {
      auto half = [e](unsigned pair) -> double {
        return a4j::floatOf(e == 0 ? pair << 16 : pair & 0xffff0000u);
      };
      a[g][t + e] = half(lane->a[0]);
      a[g + 8][t + e] = half(lane->a[1]);
      a[g][t + 8 + e] = half(lane->a[2]);
      a[g + 8][t + 8 + e] = half(lane->a[3]);
      b[t + e][g] = half(lane->b[0]);
      b[t + 8 + e][g] = half(lane->b[1]);
      sums[g][t + e] = lane->sums[e];
      sums[g + 8][t + e] = lane->sums[2 + e];
    }
  }
  for (int row = 0; row < 16; row++) {
    for (int k = 0; k < 16; k += 8) {
      for (int i = k; i < k + 8; i++) {
        for (int column = 0; column < 8; column++) {
          sums[row][column] += a[row][i] * b[i][column];
        }
      }
      for (int column = 0; column < 8; column++) {
        sums[row][column] = cutOff(sums[row][column]);
      }
    }
  }
  for (int i = 0; i < 32; i++) {
    float* to = static_cast<Product*>(lanes[i])->sums;
    for (int e = 0; e < 4; e++) {
      to[e] = static_cast<float>(sums[i / 4 + e / 2 * 8][i % 4 * 2 + e % 2]);
    }
  }
}

DEVICE void multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  Product operands = {sums, a, {b0, b1}};
  emulator::together(multiplyWarp, &operands);
}

DEVICE void copyAsync(void* shared, const void* global) { emulator::copyAsync(shared, global); }
DEVICE void commitCopies() { emulator::commitCopies(); }
template <int kPending>
DEVICE void waitForCopies() {
  emulator::waitForCopies(kPending);
}
