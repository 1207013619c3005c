// Matrix products by all threads, of matrices of any strides and types.
//
// Operands are converted where they are loaded, to float32 or, where the precision says so,
// bfloat16; sums are float32. All functions here are for the calling thread, not for tasks.
#pragma once

#include <vector>

#include "onednn.h"

namespace a4j {

// What operands are rounded to.
inline int32_t operandType(int precision) {
  return precision == A4J_PRECISION_FLOAT32 ? A4J_FLOAT32 : A4J_BFLOAT16;
}

// A right factor in panels of columns, each packed for itself.
struct Packed {
  // On Zen 4 panels of 256 columns cost up to 5 %; wider ones gain nothing, and leave fewer tasks.
  static constexpr int64_t kPanel = 512;

  int32_t type = A4J_FLOAT32;
  int64_t depth = 0;
  int64_t columns = 0;
  std::vector<void*> panels;

  int64_t panelColumns(int64_t panel) const {
    return columns - panel * kPanel < kPanel ? columns - panel * kPanel : kPanel;
  }
};

// Packs into scratch memory. Of a weight that is held (see holdWeights) the form that is kept.
Packed packed(const Matrix& factor, int32_t type);

// Whether packed() returns a form that is kept.
bool isHeld(const Matrix& factor, int32_t type);

// c = a b + bias, or c += a b for a float32 c with plain rows; bias is a float a column, or null.
void multiplyAll(const Matrix& a, const Packed& b, const Matrix& c, const float* bias,
                 bool accumulate);

// Whether reading `factor` as it lies costs less than packing it for a product with that many rows.
bool isBestUnpacked(int64_t rows, const Matrix& factor, int32_t type);

// c = a b + bias with `b` as it lies.
void multiplyUnpacked(const Matrix& a, const Matrix& b, const Matrix& c, const float* bias);

// c = a^T b, both of as many rows as the sum is deep.
void multiplyTransposed(const Matrix& a, const Matrix& b, const Matrix& c, int32_t type);

// The rows that one task computes of `rows`: fewer where there are fewer, so that there is work for
// many threads. Depends on the count alone, so that the bits do not depend on threads.
int64_t taskRows(int64_t rows, int64_t tasksARow);

// An array [..., C] as a matrix: as it lies if it can be seen as one, else as converted().
Matrix loaded(const a4j_array& array, int32_t type);

// An array [..., C] as a matrix of `type` with plain rows, in scratch memory if it is not that.
Matrix converted(const a4j_array& array, int32_t type);

// An array [..., C] to compute into as a matrix. store() brings it to the array if it was not
// there.
class Result {
 public:
  explicit Result(const a4j_array& array);
  const Matrix& matrix() const { return matrix_; }
  void store() const;

 private:
  const a4j_array& array_;
  Matrix matrix_;
  bool even_;
};

// Keeps what is packed of weights within [data, data + bytes) until releaseWeights: for a caller
// who promises that they do not change in between. May be nested.
void holdWeights(const void* data, int64_t bytes);
void releaseWeights(const void* data);

}  // namespace a4j
