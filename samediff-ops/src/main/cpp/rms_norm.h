// Rows divided by their root mean square and multiplied by a gain, and the gradients.
#pragma once

#include "operands.h"
#include "scratch.h"

namespace a4j {
namespace {

// The vector that starts at p of which only `count` elements exist; the others are 0.
template <class L>
typename L::F loadFirst(const float* p, int64_t count) {
  float part[L::kWidth] = {};
  for (int64_t i = 0; i < count; i++) {
    part[i] = p[i];
  }
  return L::load(part);
}

template <class L>
void storeFirst(float* p, typename L::F x, int64_t count) {
  float part[L::kWidth];
  L::store(part, x);
  for (int64_t i = 0; i < count; i++) {
    p[i] = part[i];
  }
}

// A sum spread over 64 floats, whatever the width of a vector: short chains of additions are both
// faster and more exact.
template <class L>
struct SpreadSum {
  static constexpr int kVectors = 64 / L::kWidth;
  typename L::F sums[kVectors];

  SpreadSum() {
    for (auto& sum : sums) {
      sum = L::set(0);
    }
  }

  float total() {
    for (int half = kVectors / 2; half > 0; half /= 2) {
      for (int v = 0; v < half; v++) {
        sums[v] = L::add(sums[v], sums[v + half]);
      }
    }
    return L::sum(sums[0]);
  }
};

// Calls f(i, v, count) for each vector of a row: it starts at i, has `count` elements, and v counts
// from 0 to 64 / kWidth - 1 over and over.
template <class L, class F>
__attribute__((always_inline)) inline void forVectors(int64_t columns, F&& f) {
  constexpr int kVectors = 64 / L::kWidth;
  int64_t i = 0;
  for (; i + 64 <= columns; i += 64) {
    for (int v = 0; v < kVectors; v++) {
      f(i + v * L::kWidth, v, L::kWidth);
    }
  }
  for (int v = 0; i < columns; i += L::kWidth, v++) {
    f(i, v, smaller(L::kWidth, columns - i));
  }
}

// Loads and stores a vector that forVectors counts.
template <class L>
__attribute__((always_inline)) inline typename L::F loadSome(const float* p, int64_t count) {
  return count == L::kWidth ? L::load(p) : loadFirst<L>(p, count);
}

template <class L>
__attribute__((always_inline)) inline void storeSome(float* p, typename L::F x, int64_t count) {
  if (count == L::kWidth) {
    L::store(p, x);
  } else {
    storeFirst<L>(p, x, count);
  }
}

// Arrays whose rows go through a kernel together; the first kRead are read, the last is written.
template <int kCount>
class RowBlocks {
 public:
  explicit RowBlocks(const a4j_array (&arrays)[kCount]) {
    for (int a = 0; a < kCount; a++) {
      arrays_[a] = arrays[a];
    }
    mergeDimensions(arrays_, kCount, 2);
    bool buffered = false;
    for (const a4j_array& array : arrays_) {
      buffered = buffered || !hasPlainRows(array);
      atOnce_ = hasTransposedRows(array) ? kTransposedRows : atOnce_;
    }
    rowFloats_ = (columns() + 15) & ~int64_t{15};
    if (buffered) {
      buffers_ = scratchOf<float>(threads() * kCount * atOnce_ * rowFloats_);
    }
  }

  int64_t rows() const { return rowsOf(arrays_[0]); }
  int64_t columns() const { return arrays_[0].shape[3]; }

  // Calls f(p) for rows [from, to), p[a] the row of array a as contiguous floats.
  template <class F>
  void forRows(int64_t from, int64_t to, int worker, F&& f) const {
    const int64_t* shape = arrays_[0].shape;
    for (int64_t count; from < to; from += count) {
      int64_t i2 = from % shape[2];
      int64_t i1 = from / shape[2] % shape[1];
      int64_t i0 = from / shape[2] / shape[1];
      count = smaller(smaller(atOnce_, to - from), shape[2] - i2);
      float* blocks[kCount];
      int64_t strides[kCount];
      for (int a = 0; a < kCount; a++) {
        const a4j_array& array = arrays_[a];
        if (hasPlainRows(array)) {
          blocks[a] = plainRow(array, i0, i1, i2);
          strides[a] = array.stride[2];
          continue;
        }
        blocks[a] = buffers_ + (worker * kCount + a) * atOnce_ * rowFloats_;
        strides[a] = rowFloats_;
        if (a < kCount - 1) {
          loadRows(array, i0, i1, i2, count, blocks[a], rowFloats_);
        }
      }
      for (int64_t r = 0; r < count; r++) {
        float* p[kCount];
        for (int a = 0; a < kCount; a++) {
          p[a] = blocks[a] + r * strides[a];
        }
        f(p);
      }
      const a4j_array& output = arrays_[kCount - 1];
      if (!hasPlainRows(output)) {
        storeRows(output, i0, i1, i2, count, blocks[kCount - 1], rowFloats_);
      }
    }
  }

 private:
  a4j_array arrays_[kCount];
  int64_t atOnce_ = 1;
  int64_t rowFloats_;
  float* buffers_ = nullptr;
};

// All elements of a gain in order, however it is shaped.
inline float* loadGain(const a4j_array& gain) {
  auto* loaded = scratchOf<float>(elementsOf(gain));
  loadFlat(gain, 0, elementsOf(gain), loaded);
  return loaded;
}

inline double inverseRms(float sumOfSquares, int64_t columns, double epsilon) {
  return 1 / __builtin_sqrt(static_cast<double>(sumOfSquares) / columns + epsilon);
}

template <class L>
void rmsNorm(double epsilon, const a4j_array& input, const a4j_array& gain,
             const a4j_array& output) {
  const RowBlocks<2> blocks({input, output});
  const int64_t columns = blocks.columns();
  const float* gains = loadGain(gain);
  const int64_t rowsAtOnce = piecesOf(kTaskElements, larger(1, columns));
  parallelFor(piecesOf(blocks.rows(), rowsAtOnce), [&](int64_t task, int worker) {
    int64_t from = task * rowsAtOnce;
    int64_t to = smaller(blocks.rows(), from + rowsAtOnce);
    blocks.forRows(from, to, worker, [&](float* const* p) {
      const float* x = p[0];
      float* y = p[1];
      SpreadSum<L> squares;
      forVectors<L>(columns, [&](int64_t i, int v, int64_t count) __attribute__((always_inline)) {
        auto vector = loadSome<L>(x + i, count);
        squares.sums[v] = L::fma(vector, vector, squares.sums[v]);
      });
      auto inverse = L::set(static_cast<float>(inverseRms(squares.total(), columns, epsilon)));
      forVectors<L>(columns, [&](int64_t i, int, int64_t count) __attribute__((always_inline)) {
        auto normed = L::mul(loadSome<L>(x + i, count), inverse);
        storeSome<L>(y + i, L::mul(normed, loadSome<L>(gains + i, count)), count);
      });
    });
  });
}

// dx = (g - unit mean(g unit)) / rms with g = dy gain and unit = x / rms; dgain = sum of dy unit.
template <class L>
void rmsNormGradient(double epsilon, const a4j_array& input, const a4j_array& gain,
                     const a4j_array& outputGradient, const a4j_array& inputGradient,
                     const a4j_array* gainGradient) {
  const RowBlocks<3> blocks({input, outputGradient, inputGradient});
  const int64_t columns = blocks.columns();
  const float* gains = loadGain(gain);
  // The gain's gradient is summed slice by slice, then over slices in order. Slices are at most
  // 128, so that their sums stay small beside the arrays.
  const int64_t sliceRows =
      larger(piecesOf(kTaskElements, larger(1, columns)), piecesOf(blocks.rows(), 128));
  const int64_t slices = piecesOf(blocks.rows(), sliceRows);
  auto* sliceSums = scratchOf<float>(larger(1, slices) * columns);
  parallelFor(slices, [&](int64_t slice, int worker) {
    float* gainSums = sliceSums + slice * columns;
    for (int64_t i = 0; i < columns; i++) {
      gainSums[i] = 0;
    }
    int64_t from = slice * sliceRows;
    int64_t to = smaller(blocks.rows(), from + sliceRows);
    blocks.forRows(from, to, worker, [&](float* const* p) {
      const float* x = p[0];
      const float* dy = p[1];
      float* dx = p[2];
      SpreadSum<L> squares;
      SpreadSum<L> products;
      forVectors<L>(columns, [&](int64_t i, int v, int64_t count) __attribute__((always_inline)) {
        auto vector = loadSome<L>(x + i, count);
        auto g = L::mul(loadSome<L>(dy + i, count), loadSome<L>(gains + i, count));
        squares.sums[v] = L::fma(vector, vector, squares.sums[v]);
        products.sums[v] = L::fma(g, vector, products.sums[v]);
      });
      double rms = inverseRms(squares.total(), columns, epsilon);
      auto inverse = L::set(static_cast<float>(rms));
      auto projection = L::set(static_cast<float>(-rms * rms * rms * products.total() / columns));
      forVectors<L>(columns, [&](int64_t i, int, int64_t count) __attribute__((always_inline)) {
        auto vector = loadSome<L>(x + i, count);
        auto gradient = loadSome<L>(dy + i, count);
        auto g = L::mul(L::mul(gradient, loadSome<L>(gains + i, count)), inverse);
        storeSome<L>(dx + i, L::fma(vector, projection, g), count);
        auto sum = L::fma(L::mul(vector, inverse), gradient, loadSome<L>(gainSums + i, count));
        storeSome<L>(gainSums + i, sum, count);
      });
    });
  });
  if (gainGradient == nullptr) {
    return;
  }
  for (int64_t i = 0; i < columns; i++) {
    double sum = 0;
    for (int64_t slice = 0; slice < slices; slice++) {
      sum += sliceSums[slice * columns + i];
    }
    sliceSums[i] = static_cast<float>(sum);
  }
  storeFlat(*gainGradient, 0, columns, sliceSums);
}

}  // namespace
}  // namespace a4j
