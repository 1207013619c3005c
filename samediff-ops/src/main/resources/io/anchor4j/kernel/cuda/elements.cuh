// Elements of arrays of any type as float or double; rounding to the array's type is the last step.
#pragma once

#include <warp.cuh>

#include <parameters.cuh>

constexpr double kLog2E = 1.4426950408889634;
constexpr double kLn2 = 0.6931471805599453;

template <class Real>
DEVICE Real infinity() {
  return static_cast<Real>(floatOf(0x7f800000u));
}

DEVICE float floatOfBfloat16(unsigned short x) { return floatOf(static_cast<unsigned>(x) << 16); }
DEVICE unsigned short bfloat16Of(float x) { return static_cast<unsigned short>(pairOf(x, 0)); }
DEVICE float roundedToBfloat16(float x) { return floatOfBfloat16(bfloat16Of(x)); }

template <class Real>
DEVICE Real loadElement(const Array& array, a4j_int64 offset) {
  switch (array.type) {
    case kBfloat16:
      return floatOfBfloat16(deviceMemory<const unsigned short>(array.data)[offset]);
    case kFloat16:
      return floatOfFloat16(deviceMemory<const unsigned short>(array.data)[offset]);
    case kFloat64:
      return static_cast<Real>(deviceMemory<const double>(array.data)[offset]);
    default:
      return deviceMemory<const float>(array.data)[offset];
  }
}

template <class Real>
DEVICE void storeElement(const Array& array, a4j_int64 offset, Real x) {
  switch (array.type) {
    case kBfloat16:
      deviceMemory<unsigned short>(array.data)[offset] = bfloat16Of(static_cast<float>(x));
      break;
    case kFloat16:
      deviceMemory<unsigned short>(array.data)[offset] = float16Of(static_cast<float>(x));
      break;
    case kFloat64:
      deviceMemory<double>(array.data)[offset] = x;
      break;
    default:
      deviceMemory<float>(array.data)[offset] = static_cast<float>(x);
  }
}

// The position of a row's first element.
DEVICE a4j_int64 rowOffset(const Array& array, a4j_int64 i0, a4j_int64 i1, a4j_int64 i2) {
  return i0 * array.stride[0] + i1 * array.stride[1] + i2 * array.stride[2];
}

// The sum over the lanes of a warp, the same in all of them and in the same order always.
template <class Real>
DEVICE Real sumOfWarp(Real x) {
  for (int mask = 16; mask > 0; mask /= 2) {
    x += shuffleXor(x, mask);
  }
  return x;
}

// The same over the threads of a block of whole warps; all of them come here.
template <class Real>
DEVICE Real sumOfBlock(Real x) {
  Real* sums = blockScratch<Real>();
  x = sumOfWarp(x);
  if (threadIndex() % 32 == 0) {
    sums[threadIndex() / 32] = x;
  }
  syncThreads();
  x = 0;
  for (int i = 0; i < blockThreads() / 32; i++) {
    x += sums[i];
  }
  syncThreads();
  return x;
}

// The largest number over the threads of a block, NaN left out.
template <class Real>
DEVICE Real largestOfBlock(Real x) {
  Real* largest = blockScratch<Real>();
  for (int mask = 16; mask > 0; mask /= 2) {
    x = larger(x, shuffleXor(x, mask));
  }
  if (threadIndex() % 32 == 0) {
    largest[threadIndex() / 32] = x;
  }
  syncThreads();
  x = largest[0];
  for (int i = 1; i < blockThreads() / 32; i++) {
    x = larger(x, largest[i]);
  }
  syncThreads();
  return x;
}

// Calls f with a zero of the type that arrays of `type` are computed in.
template <class F>
DEVICE void withReal(int type, F&& f) {
  if (type == kFloat64) {
    f(0.0);
  } else {
    f(0.0f);
  }
}
