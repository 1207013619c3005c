#include "few_rows_product.h"

#include "arrays.h"
#include "operands.h"
#include "scratch.h"

namespace a4j {
namespace {

// Rows up to which these kernels are faster than oneDNN's products: beyond, the processor decides
// and not memory. One row by [768, 50304], one thread of a Zen 4: 3.5 ms held in bfloat16 (22
// GB/s), oneDNN's 6.1; bfloat16 as it lies 5.3, oneDNN's 15; float32 12.8, oneDNN's 26.
constexpr int64_t kFewRows = 8;

// What a task reads of the right factor, about.
constexpr int64_t kTaskBytes = 128 << 10;

// Columns of a task where rows are contiguous: less of each row is slow to fetch.
constexpr int64_t kLeastColumns = 128;

using Kernel = void (*)(const FewRows& product, int64_t from, int64_t count);

void addBias(const float* bias, const FewRows& p, int64_t from, int64_t count) {
  for (int64_t r = 0; bias != nullptr && r < p.rows; r++) {
    for (int64_t i = from; i < from + count; i++) {
      p.c[r * p.cStride + i] += bias[i];
    }
  }
}

a4j_array arrayOf(const Matrix& m) {
  return {m.data, m.type, {1, 1, m.rows, m.columns}, {0, 0, m.rowStride, m.columnStride}};
}

// The left factor as floats, rounded to `type`.
float* leftFactor(const Matrix& a, int32_t type) {
  auto* rows = scratchOf<float>(a.rows * a.columns);
  for (int64_t r = 0; r < a.rows; r++) {
    loadRow(arrayOf(a), 0, 0, r, rows + r * a.columns);
  }
  for (int64_t i = 0; type == A4J_BFLOAT16 && i < a.rows * a.columns; i++) {
    rows[i] = floatOfBfloat16(bfloat16Of(rows[i]));
  }
  return rows;
}

// The left factor as rows of pairs of bfloat16, the last one filled up with 0.
uint32_t* leftPairs(const Matrix& a, int64_t words) {
  auto* row = scratchOf<float>(2 * words);
  row[2 * words - 1] = 0;
  auto* pairs = scratchOf<uint32_t>(a.rows * words);
  for (int64_t r = 0; r < a.rows; r++) {
    loadRow(arrayOf(a), 0, 0, r, row);
    for (int64_t w = 0; w < words; w++) {
      uint32_t high = bfloat16Of(row[2 * w + 1]);
      pairs[r * words + w] = high << 16 | bfloat16Of(row[2 * w]);
    }
  }
  return pairs;
}

bool multiplyHeld(const FewRowsKernels& kernels, const Matrix& a, const Matrix& b,
                  const Matrix& sums, const float* bias) {
  int64_t panels = piecesOf(b.columns, Packed::kPanel);
  PairBlocks form = pairBlocks(b.rows, smaller(Packed::kPanel, b.columns));
  PairBlocks last = pairBlocks(b.rows, b.columns - (panels - 1) * Packed::kPanel);
  if (form.columns == 0 || last.columns == 0) {
    return false;
  }
  Packed right = packed(b, A4J_BFLOAT16);
  uint32_t* pairs = leftPairs(a, form.words);
  int64_t columnBytes = 4 * form.words;
  int64_t parts = piecesOf(smaller(Packed::kPanel, b.columns) * columnBytes, kTaskBytes);
  inTasks(panels * parts, [&](int64_t task, int) {
    int64_t panel = task / parts;
    int64_t part = task % parts;
    const PairBlocks& blocks = panel == panels - 1 ? last : form;
    int64_t columns = right.panelColumns(panel);
    int64_t count = piecesOf(columns, blocks.columns);
    for (int64_t block = count * part / parts; block < count * (part + 1) / parts; block++) {
      int64_t first = block * blocks.columns;
      int64_t from = panel * Packed::kPanel + first;
      int64_t here = smaller(blocks.columns, columns - first);
      auto* words = static_cast<const uint32_t*>(right.panels[panel]) + block * blocks.stride;
      auto* to = reinterpret_cast<float*>(sums.data);
      FewRows product{pairs,        form.words, a.rows,         form.words, words,
                      A4J_BFLOAT16, false,      blocks.columns, to + from,  sums.rowStride};
      kernels.byPairs(product, here);
      product.c = to;
      addBias(bias, product, from, here);
    }
  });
  return true;
}

void multiplyUnpacked(Kernel kernel, int64_t least, const Matrix& a, const Matrix& b,
                      int64_t bStride, int32_t type, const Matrix& sums, const float* bias) {
  FewRows product{leftFactor(a, type),
                  a.columns,
                  a.rows,
                  a.columns,
                  b.data,
                  b.type,
                  type == A4J_BFLOAT16,
                  bStride,
                  reinterpret_cast<float*>(sums.data),
                  sums.rowStride};
  int64_t wanted = piecesOf(kTaskBytes, larger(1, b.rows * bytesOf(b.type)));
  int64_t columns = piecesOf(larger(least, wanted), 64) * 64;
  inTasks(piecesOf(b.columns, columns), [&](int64_t task, int) {
    int64_t from = task * columns;
    int64_t count = smaller(columns, b.columns - from);
    kernel(product, from, count);
    addBias(bias, product, from, count);
  });
}

bool multiplyInto(const FewRowsKernels& kernels, const Matrix& a, const Matrix& b, int32_t type,
                  const Matrix& sums, const float* bias) {
  if (isHeld(b, type) && multiplyHeld(kernels, a, b, sums, bias)) {
    return true;
  }
  if (b.type == A4J_FLOAT16) {
    return false;
  }
  if (b.hasPlainRows()) {
    multiplyUnpacked(kernels.byRows, kLeastColumns, a, b, b.rowStride, type, sums, bias);
    return true;
  }
  if (b.transposed().hasPlainRows()) {
    multiplyUnpacked(kernels.byColumns, 1, a, b, b.columnStride, type, sums, bias);
    return true;
  }
  return false;
}

}  // namespace

bool multiplyFewRows(const FewRowsKernels& kernels, const Matrix& a, const Matrix& b, int32_t type,
                     const Matrix& c, const float* bias) {
  if (a.rows > kFewRows) {
    return false;
  }
  if (c.type == A4J_FLOAT32 && c.hasPlainRows()) {
    return multiplyInto(kernels, a, b, type, c, bias);
  }
  Matrix sums = plainMatrix(scratch(c.rows * c.columns * 4), A4J_FLOAT32, c.rows, c.columns);
  bool multiplied = multiplyInto(kernels, a, b, type, sums, bias);
  if (multiplied) {
    inTasks(1, [&](int64_t, int worker) { convert(sums, c, worker); });
  }
  return multiplied;
}

}  // namespace a4j
