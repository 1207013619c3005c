// Arrays of one shape that a kernel goes through together, cut into tasks by shape alone.
#pragma once

#include "arrays.h"
#include "threads.h"

namespace a4j {
namespace {

// Fewer elements are not worth waking a thread for.
constexpr int64_t kTaskElements = 16384;

// Rows of a transposed view that go together: the floats of a cache line.
constexpr int64_t kTransposedRows = 16;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t piecesOf(int64_t total, int64_t size) { return (total + size - 1) / size; }

inline int64_t rowsOf(const a4j_array& array) {
  return array.shape[0] * array.shape[1] * array.shape[2];
}

inline int64_t elementsOf(const a4j_array& array) { return rowsOf(array) * array.shape[3]; }

// Runs f(unit, worker) for units of about `elements` each, as many to a task as are worth it.
template <class F>
void parallelUnits(int64_t units, int64_t elements, F&& f) {
  int64_t atOnce = piecesOf(kTaskElements, larger(1, elements));
  parallelFor(piecesOf(units, atOnce), [&](int64_t task, int worker) {
    int64_t end = smaller(units, (task + 1) * atOnce);
    for (int64_t unit = task * atOnce; unit < end; unit++) {
      f(unit, worker);
    }
  });
}

// Merges neighbours among the dimensions 0 to `last` wherever all arrays, which have one shape
// there, step evenly through both. The order of elements stays.
inline void mergeDimensions(a4j_array* arrays, int count, int last) {
  int to = last;
  for (int d = last - 1; d >= 0; d--) {
    int64_t outer = arrays[0].shape[d];
    int64_t inner = arrays[0].shape[to];
    bool even = true;
    for (int i = 0; i < count; i++) {
      even =
          even && (outer == 1 || inner == 1 || arrays[i].stride[d] == inner * arrays[i].stride[to]);
    }
    to -= !even;
    for (int i = 0; i < count; i++) {
      a4j_array& array = arrays[i];
      if (!even || inner == 1) {
        array.stride[to] = array.stride[d];
      }
      array.shape[to] = even ? outer * inner : outer;
    }
  }
  for (int i = 0; i < count; i++) {
    for (int d = 0; d < to; d++) {
      arrays[i].shape[d] = 1;
      arrays[i].stride[d] = 0;
    }
  }
}

// Reorders the dimensions of arrays of one shape to how the last one, an output, lies in memory.
inline void orderDimensions(a4j_array* arrays, int count) {
  const a4j_array& by = arrays[count - 1];
  for (int end = 3; end > 0; end--) {
    for (int d = 0; d < end; d++) {
      bool wrong = by.shape[d] > 1 && (by.shape[d + 1] == 1 || by.stride[d] < by.stride[d + 1]);
      for (int i = 0; wrong && i < count; i++) {
        a4j_array& array = arrays[i];
        int64_t shape = array.shape[d];
        int64_t stride = array.stride[d];
        array.shape[d] = array.shape[d + 1];
        array.stride[d] = array.stride[d + 1];
        array.shape[d + 1] = shape;
        array.stride[d + 1] = stride;
      }
    }
  }
}

// The part [column, column + columns) of each row.
inline a4j_array columnsOf(const a4j_array& array, int64_t column, int64_t columns) {
  a4j_array part = array;
  part.shape[3] = columns;
  auto elementBytes = array.type == A4J_FLOAT32 ? 4 : 2;
  part.data = static_cast<char*>(array.data) + column * array.stride[3] * elementBytes;
  return part;
}

// Calls f(part, i0, i1, i2, first) for the parts of rows that elements [from, from + count) in
// row-major order are; `first` counts from 0.
template <class F>
void forFlat(const a4j_array& array, int64_t from, int64_t count, F&& f) {
  for (int64_t first = 0; first < count;) {
    int64_t row = (from + first) / array.shape[3];
    int64_t column = (from + first) % array.shape[3];
    int64_t columns = smaller(count - first, array.shape[3] - column);
    int64_t i0 = row / array.shape[2] / array.shape[1];
    int64_t i1 = row / array.shape[2] % array.shape[1];
    f(columnsOf(array, column, columns), i0, i1, row % array.shape[2], first);
    first += columns;
  }
}

inline void loadFlat(const a4j_array& array, int64_t from, int64_t count, float* to) {
  forFlat(array, from, count,
          [&](const a4j_array& part, int64_t i0, int64_t i1, int64_t i2, int64_t first) {
            loadRow(part, i0, i1, i2, to + first);
          });
}

inline void storeFlat(const a4j_array& array, int64_t from, int64_t count, const float* elements) {
  forFlat(array, from, count,
          [&](const a4j_array& part, int64_t i0, int64_t i1, int64_t i2, int64_t first) {
            storeRow(part, i0, i1, i2, elements + first);
          });
}

// Where row (i0, i1, i2) of an array with plain rows lies.
inline float* plainRow(const a4j_array& array, int64_t i0, int64_t i1, int64_t i2) {
  return static_cast<float*>(array.data) + rowOffset(array, i0, i1, i2);
}

// Computes arrays of one shape element by element. The first kRead are read, the last kWritten
// written; step(p, i) computes the vector at p[0] + i, p[1] + i, ... of all of them.
template <class L, int kRead, int kWritten, int kCount, class Step>
void elementwise(a4j_array (&arrays)[kCount], const Step& step) {
  constexpr int kBuffer = 2048;  // floats of an array that are not computed on where they are
  constexpr int kFirstWritten = kCount - kWritten;
  if (elementsOf(arrays[0]) == 0) {
    return;
  }
  orderDimensions(arrays, kCount);
  mergeDimensions(arrays, kCount, 3);
  bool plain = true;
  bool transposed = false;
  for (const a4j_array& array : arrays) {
    plain = plain && hasPlainRows(array);
    transposed = transposed || hasTransposedRows(array);
  }
  const int64_t rowsAtOnce = transposed ? kTransposedRows : 1;
  const int64_t columnsAtOnce = plain ? kTaskElements : kBuffer / rowsAtOnce;
  const int64_t* shape = arrays[0].shape;
  const int64_t rowBlocks = piecesOf(shape[2], rowsAtOnce);
  const int64_t columnBlocks = piecesOf(shape[3], columnsAtOnce);

  auto compute = [&](float* const* rows, int64_t count) {
    float* p[kCount];
    for (int a = 0; a < kCount; a++) {
      p[a] = rows[a];
    }
    int64_t i = 0;
    for (; i + L::kWidth <= count; i += L::kWidth) {
      step(p, i);
    }
    if (i == count) {
      return;
    }
    float tails[kCount][L::kWidth] = {};
    for (int a = 0; a < kCount; a++) {
      for (int64_t k = i; a < kRead && k < count; k++) {
        tails[a][k - i] = rows[a][k];
      }
      p[a] = tails[a];
    }
    step(p, 0);
    for (int a = kFirstWritten; a < kCount; a++) {
      for (int64_t k = i; k < count; k++) {
        rows[a][k] = tails[a][k - i];
      }
    }
  };

  int64_t units = shape[0] * shape[1] * rowBlocks * columnBlocks;
  int64_t unitElements = smaller(rowsAtOnce, shape[2]) * smaller(columnsAtOnce, shape[3]);
  parallelUnits(units, unitElements, [&](int64_t unit, int) {
    int64_t column = unit % columnBlocks * columnsAtOnce;
    int64_t columns = smaller(columnsAtOnce, shape[3] - column);
    unit /= columnBlocks;
    int64_t row = unit % rowBlocks * rowsAtOnce;
    int64_t rows = smaller(rowsAtOnce, shape[2] - row);
    unit /= rowBlocks;
    int64_t i0 = unit / shape[1];
    int64_t i1 = unit % shape[1];
    float* p[kCount];
    if (plain) {
      for (int a = 0; a < kCount; a++) {
        p[a] = plainRow(arrays[a], i0, i1, row) + column;
      }
      compute(p, columns);
      return;
    }
    float buffers[kCount][kBuffer];
    for (int a = 0; a < kCount; a++) {
      p[a] = buffers[a];
      if (a < kRead) {
        loadRows(columnsOf(arrays[a], column, columns), i0, i1, row, rows, p[a], columns);
      }
    }
    compute(p, rows * columns);
    for (int a = kFirstWritten; a < kCount; a++) {
      storeRows(columnsOf(arrays[a], column, columns), i0, i1, row, rows, p[a], columns);
    }
  });
}

}  // namespace
}  // namespace a4j
