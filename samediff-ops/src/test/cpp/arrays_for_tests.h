// Arrays in the layouts and types that callers bring, filled and read as doubles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "anchor4j.h"
#include "arrays.h"
#include "check.h"

namespace a4j_test {

enum class Layout { kContiguous, kTransposed, kPadded, kTokensFirst };

constexpr Layout kLayouts[] = {Layout::kContiguous, Layout::kTransposed, Layout::kPadded,
                               Layout::kTokensFirst};

// An array that owns exactly the memory that its layout spans.
class Array {
 public:
  Array(int32_t type, Layout layout, int64_t d0, int64_t d1, int64_t d2, int64_t d3) {
    description_.type = type;
    const int64_t shape[] = {d0, d1, d2, d3};
    int order[] = {0, 1, 2, 3};  // outermost first
    if (layout == Layout::kTransposed) {
      std::swap(order[2], order[3]);
    } else if (layout == Layout::kTokensFirst) {
      std::swap(order[1], order[2]);
    }
    int64_t stride = layout == Layout::kPadded ? 2 : 1;
    int64_t last = 0;
    for (int i = 3; i >= 0; i--) {
      int d = order[i];
      description_.shape[d] = shape[d];
      description_.stride[d] = stride;
      last += stride * (shape[d] - 1);
      stride *= shape[d];
      stride += layout == Layout::kPadded ? 3 : 0;
    }
    elementBytes_ = type == A4J_FLOAT32 ? 4 : 2;
    memory_.assign((last + 1) * elementBytes_, kUntouched);
    description_.data = memory_.data();
    const int64_t* s = description_.stride;
    for (int64_t i = 0; i < size(); i++) {
      int64_t row = i / d3;
      offsets_.push_back(row / d2 / d1 * s[0] + row / d2 % d1 * s[1] + row % d2 * s[2] +
                         i % d3 * s[3]);
    }
  }

  Array(Array&&) = default;
  Array(const Array& other)
      : description_(other.description_),
        memory_(other.memory_),
        offsets_(other.offsets_),
        elementBytes_(other.elementBytes_) {
    description_.data = memory_.data();
  }

  const a4j_array* operator*() const { return &description_; }
  int64_t size() const {
    const int64_t* s = description_.shape;
    return s[0] * s[1] * s[2] * s[3];
  }

  // Element i in row-major order.
  double at(int64_t i) const {
    float x;
    a4j::loadElements(description_, offsets_[i], 1, 1, &x);
    return x;
  }

  void set(int64_t i, double value) {
    auto x = static_cast<float>(value);
    a4j::storeElements(description_, offsets_[i], 1, 1, &x);
  }

  Array& fill(std::mt19937& random, double scale) {
    std::normal_distribution<double> normal(0, scale);
    for (int64_t i = 0; i < size(); i++) {
      set(i, normal(random));
    }
    return *this;
  }

  bool sameBytes(const Array& other) const { return memory_ == other.memory_; }

  // Whether what lies between the elements is as it was.
  bool gapsUntouched() const {
    std::vector<bool> owned(memory_.size());
    for (int64_t i = 0; i < size(); i++) {
      std::fill_n(owned.begin() + offsets_[i] * elementBytes_, elementBytes_, true);
    }
    for (size_t i = 0; i < owned.size(); i++) {
      if (!owned[i] && memory_[i] != kUntouched) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr unsigned char kUntouched = 0xc5;

  a4j_array description_ = {};
  std::vector<unsigned char> memory_;
  std::vector<int64_t> offsets_;  // of the elements in row-major order
  int elementBytes_;
};

// The largest relative error of rounding to the type.
inline double roundingError(int32_t type) {
  return type == A4J_FLOAT32 ? 0x1p-24 : type == A4J_BFLOAT16 ? 0x1p-8 : 0x1p-11;
}

// What the smallest steps of the type, below its normal range, allow.
inline double halfStep(int32_t type) { return type == A4J_FLOAT16 ? 0x1p-25 : 1e-35; }

// The instruction sets of this processor.
inline std::vector<int> instructionSets() {
  std::vector<int> sets;
  for (int isa = 0; isa < A4J_ISAS; isa++) {
    if (a4j_lacks(isa) == A4J_LACKS_NOTHING) {
      sets.push_back(isa);
    }
  }
  return sets;
}

}  // namespace a4j_test
