#include "matmul.h"

#include <array>
#include <cstdlib>
#include <map>

#include "operands.h"
#include "scratch.h"

namespace a4j {
namespace {

// Rows that are summed at once where the sum runs over rows: what is converted and packed of them
// stays in the third-level cache.
constexpr int64_t kDepth = 2048;

// Columns that a task brings into order for a product with the transpose.
constexpr int64_t kTransposed = 256;

// Rows up to which a float32 right factor is used as it lies. One row by [768, 32000], in processor
// time of two Zen 4 threads: 14 ms as it lies, 32 ms packed first.
constexpr int64_t kFewRows = 16;

// Where the weights lie that a caller holds, and what was packed of them.
struct Region {
  int holders = 0;
  int64_t bytes = 0;
  std::map<std::array<int64_t, 6>, Packed> packed;
};

std::map<const char*, Region>& regions() {
  static auto* instance = new std::map<const char*, Region>();
  return *instance;
}

Region* regionOf(const Matrix& m) {
  auto after = regions().upper_bound(m.data);
  if (after == regions().begin()) {
    return nullptr;
  }
  auto& [start, region] = *--after;
  int64_t last = (m.rows - 1) * m.rowStride + (m.columns - 1) * m.columnStride;
  bool inside = m.data + (last + 1) * bytesOf(m.type) <= start + region.bytes;
  return inside ? &region : nullptr;
}

void freePanels(Packed& packed) {
  for (void* panel : packed.panels) {
    std::free(panel);
  }
}

void packPanels(const Matrix& factor, const Packed& to) {
  inTasks(static_cast<int64_t>(to.panels.size()), [&](int64_t panel, int worker) {
    Matrix part = factor.part(0, factor.rows, panel * Packed::kPanel, to.panelColumns(panel));
    pack(part, to.type, to.panels[panel], worker);
  });
}

Packed unpacked(const Matrix& factor, int32_t type) {
  return {type, factor.rows, factor.columns, {}};
}

Packed packedInScratch(const Matrix& factor, int32_t type) {
  Packed packed = unpacked(factor, type);
  for (int64_t p = 0; p < piecesOf(factor.columns, Packed::kPanel); p++) {
    packed.panels.push_back(scratch(packedBytes(type, factor.rows, packed.panelColumns(p))));
  }
  packPanels(factor, packed);
  return packed;
}

const Packed& packedInRegion(Region& region, const Matrix& factor, int32_t type) {
  std::array<int64_t, 6> key{reinterpret_cast<int64_t>(factor.data),
                             factor.type,
                             factor.rows,
                             factor.columns,
                             factor.rowStride,
                             factor.columnStride};
  auto found = region.packed.find(key);
  if (found != region.packed.end()) {
    return found->second;
  }
  Packed packed = unpacked(factor, type);
  try {
    for (int64_t p = 0; p < piecesOf(factor.columns, Packed::kPanel); p++) {
      size_t bytes = packedBytes(type, factor.rows, packed.panelColumns(p));
      void* panel = std::aligned_alloc(64, (bytes + 63) & ~size_t{63});
      if (panel == nullptr) {
        throw OutOfMemory();
      }
      packed.panels.push_back(panel);
    }
    packPanels(factor, packed);
    return region.packed.emplace(key, packed).first->second;
  } catch (...) {
    freePanels(packed);
    throw;
  }
}

// A part of a left factor as multiply() takes it, converted in the worker's memory if need be.
Matrix leftFactor(const Matrix& a, int32_t type, int worker) {
  if (a.type == type && a.hasPlainRows()) {
    return a;
  }
  void* copy = workerMemory(worker, Use::kOperand, a.rows * a.columns * bytesOf(type));
  Matrix converted = plainMatrix(copy, type, a.rows, a.columns);
  convert(a, converted, worker);
  return converted;
}

bool isResult(const Matrix& c) { return c.type == A4J_FLOAT32 && c.hasPlainRows(); }

// Calls multiply(sums, accumulates) with c if that can hold sums, else with memory that is brought
// there afterwards.
template <class F>
void intoResult(const Matrix& c, int worker, F&& multiply) {
  if (isResult(c)) {
    multiply(c, true);
    return;
  }
  void* sums = workerMemory(worker, Use::kResult, c.rows * c.columns * 4);
  Matrix result = plainMatrix(sums, A4J_FLOAT32, c.rows, c.columns);
  multiply(result, false);
  convert(result, c, worker);
}

// Computes panels [from, to) of some rows.
void multiplyPanels(const Matrix& a, const Packed& b, int64_t from, int64_t to, const Matrix& c,
                    const float* bias, bool accumulate, int worker) {
  Matrix left = leftFactor(a, b.type, worker);
  for (int64_t p = from; p < to; p++) {
    Matrix part = c.part(0, c.rows, p * Packed::kPanel, b.panelColumns(p));
    const float* partBias = bias == nullptr ? nullptr : bias + p * Packed::kPanel;
    intoResult(part, worker, [&](const Matrix& sums, bool accumulates) {
      multiply(left, b.panels[p], sums, partBias, accumulate && accumulates, worker);
    });
  }
}

// The rows of an array as one dimension, if they lie evenly.
bool asMatrix(const a4j_array& array, Matrix& matrix) {
  int64_t rows = 1;
  int64_t stride = 0;
  for (int d = 2; d >= 0; d--) {
    if (array.shape[d] == 1) {
      continue;
    }
    if (rows > 1 && array.stride[d] != rows * stride) {
      return false;
    }
    stride = rows > 1 ? stride : array.stride[d];
    rows *= array.shape[d];
  }
  matrix = {
      static_cast<char*>(array.data), array.type, rows, array.shape[3], stride, array.stride[3]};
  return true;
}

// Calls f(matrix, firstRow, worker) for matrices that together are the array.
template <class F>
void forMatrices(const a4j_array& array, F&& f) {
  Matrix whole;
  bool even = asMatrix(array, whole);
  int64_t outer = even ? 1 : array.shape[0] * array.shape[1];
  int64_t inner = even ? whole.rows : array.shape[2];
  int64_t blocks = piecesOf(inner, kTransposed);
  inTasks(outer * blocks, [&](int64_t task, int worker) {
    Matrix matrix = whole;
    int64_t i = task / blocks;
    if (!even) {
      int64_t offset = i / array.shape[1] * array.stride[0] + i % array.shape[1] * array.stride[1];
      matrix = {static_cast<char*>(array.data) + offset * bytesOf(array.type),
                array.type,
                inner,
                array.shape[3],
                array.stride[2],
                array.stride[3]};
    }
    int64_t row = task % blocks * kTransposed;
    f(matrix.rowsFrom(row, smaller(kTransposed, inner - row)), i * inner + row, worker);
  });
}

}  // namespace

Matrix loaded(const a4j_array& array, int32_t type) {
  Matrix matrix;
  return asMatrix(array, matrix) ? matrix : converted(array, type);
}

Matrix converted(const a4j_array& array, int32_t type) {
  Matrix matrix;
  if (array.type == type && asMatrix(array, matrix) && matrix.hasPlainRows()) {
    return matrix;
  }
  int64_t rows = array.shape[0] * array.shape[1] * array.shape[2];
  matrix = plainMatrix(scratch(rows * array.shape[3] * bytesOf(type)), type, rows, array.shape[3]);
  forMatrices(array, [&](const Matrix& part, int64_t row, int worker) {
    convert(part, matrix.rowsFrom(row, part.rows), worker);
  });
  return matrix;
}

Result::Result(const a4j_array& array) : array_(array), even_(asMatrix(array, matrix_)) {
  if (!even_) {
    int64_t rows = array.shape[0] * array.shape[1] * array.shape[2];
    matrix_ = plainMatrix(scratch(rows * array.shape[3] * 4), A4J_FLOAT32, rows, array.shape[3]);
  }
}

void Result::store() const {
  if (!even_) {
    forMatrices(array_, [&](const Matrix& part, int64_t row, int worker) {
      convert(matrix_.rowsFrom(row, part.rows), part, worker);
    });
  }
}

int64_t taskRows(int64_t rows, int64_t tasksARow) {
  // 256 rows gain nothing over 128; 64 cost 3 %.
  return rows * tasksARow >= 32 * 128 ? 128 : 64;
}

bool isHeld(const Matrix& factor, int32_t type) {
  // Float32 is as fast as it lies, bar 2 %; keeping it packed would double the weights' memory.
  return type == A4J_BFLOAT16 && regionOf(factor) != nullptr;
}

Packed packed(const Matrix& factor, int32_t type) {
  return isHeld(factor, type) ? packedInRegion(*regionOf(factor), factor, type)
                              : packedInScratch(factor, type);
}

void multiplyAll(const Matrix& a, const Packed& b, const Matrix& c, const float* bias,
                 bool accumulate) {
  auto panels = static_cast<int64_t>(b.panels.size());
  int64_t rows = taskRows(a.rows, 1);
  int64_t blocks = piecesOf(a.rows, rows);
  // Where there are few rows, their panels are tasks too, each converting the rows for itself.
  int64_t groups = blocks >= 32 ? 1 : panels;
  inTasks(blocks * groups, [&](int64_t task, int worker) {
    int64_t row = task / groups * rows;
    int64_t count = smaller(rows, a.rows - row);
    int64_t from = groups == 1 ? 0 : task % groups;
    multiplyPanels(a.rowsFrom(row, count), b, from, groups == 1 ? panels : from + 1,
                   c.rowsFrom(row, count), bias, accumulate, worker);
  });
}

bool isBestUnpacked(int64_t rows, const Matrix& factor, int32_t type) {
  return rows <= kFewRows && type == A4J_FLOAT32 && factor.type == type &&
         (factor.hasPlainRows() || factor.transposed().hasPlainRows());
}

void multiplyUnpacked(const Matrix& a, const Matrix& b, const Matrix& c, const float* bias) {
  inTasks(piecesOf(b.columns, Packed::kPanel), [&](int64_t panel, int worker) {
    int64_t from = panel * Packed::kPanel;
    int64_t columns = smaller(Packed::kPanel, b.columns - from);
    Matrix left = leftFactor(a, b.type, worker);
    intoResult(c.part(0, c.rows, from, columns), worker, [&](const Matrix& sums, bool) {
      multiplyUnpacked(left, b.part(0, b.rows, from, columns), sums,
                       bias == nullptr ? nullptr : bias + from, worker);
    });
  });
}

void multiplyTransposed(const Matrix& a, const Matrix& b, const Matrix& c, int32_t type) {
  if (c.rowStride == 1 && c.columnStride != 1) {
    multiplyTransposed(b, a, c.transposed(), type);
    return;
  }
  Matrix result = c;
  if (!isResult(c)) {
    result = plainMatrix(scratch(c.rows * c.columns * 4), A4J_FLOAT32, c.rows, c.columns);
  }
  int64_t most = smaller(kDepth, a.rows);
  // Rows a power of two apart would share a few sets of the cache.
  int64_t stride = (most + 63) / 64 * 64 + 32;
  void* turned = scratch(a.columns * stride * bytesOf(type));
  Packed right{type, most, b.columns, {}};
  int64_t panels = piecesOf(b.columns, Packed::kPanel);
  for (int64_t p = 0; p < panels; p++) {
    right.panels.push_back(scratch(packedBytes(type, most, right.panelColumns(p))));
  }
  int64_t rows = taskRows(c.rows, panels);
  int64_t blocks = piecesOf(c.rows, rows);
  for (int64_t from = 0; from < a.rows; from += kDepth) {
    int64_t depth = smaller(kDepth, a.rows - from);
    Matrix left = plainMatrix(turned, type, a.columns, depth);
    left.rowStride = stride;
    int64_t pieceCount = piecesOf(a.columns, kTransposed);
    inTasks(pieceCount + panels, [&](int64_t task, int worker) {
      if (task < pieceCount) {
        int64_t column = task * kTransposed;
        int64_t count = smaller(kTransposed, a.columns - column);
        convert(a.part(from, depth, column, count).transposed(), left.rowsFrom(column, count),
                worker);
      } else {
        int64_t p = task - pieceCount;
        pack(b.part(from, depth, p * Packed::kPanel, right.panelColumns(p)), type, right.panels[p],
             worker);
      }
    });
    inTasks(blocks * panels, [&](int64_t task, int worker) {
      int64_t row = task / panels * rows;
      int64_t p = task % panels;
      int64_t count = smaller(rows, c.rows - row);
      multiply(left.rowsFrom(row, count), right.panels[p],
               result.part(row, count, p * Packed::kPanel, right.panelColumns(p)), nullptr,
               from > 0, worker);
    });
  }
  if (!isResult(c)) {
    inTasks(piecesOf(c.rows, kTransposed), [&](int64_t task, int worker) {
      int64_t row = task * kTransposed;
      int64_t count = smaller(kTransposed, c.rows - row);
      convert(result.rowsFrom(row, count), c.rowsFrom(row, count), worker);
    });
  }
}

void holdWeights(const void* data, int64_t bytes) {
  Region& region = regions()[static_cast<const char*>(data)];
  region.holders++;
  region.bytes = bytes > region.bytes ? bytes : region.bytes;
}

void releaseWeights(const void* data) {
  auto found = regions().find(static_cast<const char*>(data));
  if (found == regions().end() || --found->second.holders > 0) {
    return;
  }
  for (auto& [key, packed] : found->second.packed) {
    freePanels(packed);
  }
  regions().erase(found);
}

}  // namespace a4j
