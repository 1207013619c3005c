// oneDNN for pieces of work: what one task of our own threads converts, packs or multiplies.
//
// bytedeco's oneDNN brings OpenMP, which starts a pool for every calling thread and cuts work by
// the number of threads. So each piece is computed by the thread that asks for it, alone, and which
// pieces there are depends on shapes only: equal bits for any number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

#include "anchor4j.h"
#include "threads.h"

namespace a4j {

// A matrix in memory; strides in elements.
struct Matrix {
  char* data;
  int32_t type;
  int64_t rows;
  int64_t columns;
  int64_t rowStride;
  int64_t columnStride;

  Matrix transposed() const { return {data, type, columns, rows, columnStride, rowStride}; }

  Matrix part(int64_t row, int64_t rowCount, int64_t column, int64_t columnCount) const;

  Matrix rowsFrom(int64_t row, int64_t count) const { return part(row, count, 0, columns); }

  // Whether elements of a row are neighbours and no two rows overlap.
  bool hasPlainRows() const {
    return (columnStride == 1 || columns == 1) && (rowStride >= columns || rows == 1);
  }
};

inline int64_t bytesOf(int32_t type) { return type == A4J_FLOAT32 ? 4 : 2; }

// A row-major matrix at `data`.
inline Matrix plainMatrix(void* data, int32_t type, int64_t rows, int64_t columns) {
  return {static_cast<char*>(data), type, rows, columns, columns, 1};
}

// Memory of a worker that lasts from call to call, for what a task needs for itself. Asking again
// for the same use may move it.
enum class Use { kOperand, kResult, kRow, kInternal };
void* workerMemory(int worker, Use use, int64_t bytes);

// Copies with conversion, any types and strides.
void convert(const Matrix& from, const Matrix& to, int worker);

// Bytes of a [depth, columns] right factor as products of `type` want it.
int64_t packedBytes(int32_t type, int64_t depth, int64_t columns);

// How that form of a bfloat16 factor lies where it is made of blocks of columns one after another,
// each [depth in pairs][columns][2] with 0 beyond the factor; no columns where it is another.
struct PairBlocks {
  int64_t columns;
  int64_t words;   // the depth in pairs, not counting zeros
  int64_t stride;  // 32-bit words from block to block
};
PairBlocks pairBlocks(int64_t depth, int64_t columns);

// Brings a right factor into that form, converting it to `type`.
void pack(const Matrix& from, int32_t type, void* packed, int worker);

// c = a b + bias, or c += a b. `a` is float32 or bfloat16, `b` packed for that type, c float32;
// both have plain rows. Sums are float32.
void multiply(const Matrix& a, const void* packed, const Matrix& c, const float* bias,
              bool accumulate, int worker);

// c = a b + bias with `b` as it lies, of the type of `a`: for few rows, which use it once.
void multiplyUnpacked(const Matrix& a, const Matrix& b, const Matrix& c, const float* bias,
                      int worker);

// While it lives the calling thread is oneDNN's only one. Restored, because ND4J's OpenMP loops run
// on the same thread with the same setting.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

void prepareWorkers(int workers);

// parallelFor for tasks that use the above and may throw.
template <class F>
void inTasks(int64_t count, F&& f) {
  prepareWorkers(threads());
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  parallelFor(count, [&](int64_t index, int worker) {
    if (failed.load(std::memory_order_relaxed)) {
      return;
    }
    try {
      OneThread alone;
      f(index, worker);
    } catch (...) {
      if (!failed.exchange(true)) {
        failure = std::current_exception();
      }
    }
  });
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace a4j
