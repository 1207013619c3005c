// Cross-entropy of softmax(hidden weight) and its gradients, tile by tile of logits.
//
// Rows that do not count are left out from the start. Forward, a tile of logits is gone through
// while it is in the cache and forgotten. Backward, logits are computed again, and what is kept of
// them are the slopes of all rows for some columns of the vocabulary at a time: each weight's
// gradient is then complete at once and written once.
#include <cmath>
#include <vector>

#include "arrays.h"
#include "call.h"
#include "matmul.h"
#include "operands.h"

namespace a4j {
namespace {

constexpr int64_t kPanel = Packed::kPanel;

// Slopes kept at once, in bytes, if that is a group at least.
constexpr int64_t kSlopeBytes = 32 << 20;

// Columns of the vocabulary in a group. The weight's transpose is packed by groups, which must not
// depend on the number of rows: what is held of weights would pile up.
constexpr int64_t kGroup = 2048;

float elementOf(const a4j_array& vector, int64_t i) {
  float element;
  loadElements(vector, i * vector.stride[3], 1, 1, &element);
  return element;
}

void setElement(const a4j_array& vector, int64_t i, float element) {
  storeElements(vector, i * vector.stride[3], 1, 1, &element);
}

// The rows that count: their numbers, and what is hidden in them as a left factor.
struct Counted {
  int64_t count = 0;
  int64_t* rows = nullptr;
  Matrix hidden;
};

Counted counted(const a4j_array& hidden, const int32_t* targets, int32_t type) {
  Counted counted;
  int64_t all = hidden.shape[2];
  int64_t channels = hidden.shape[3];
  counted.rows = scratchOf<int64_t>(all);
  for (int64_t n = 0; n < all; n++) {
    if (targets[n] >= 0) {
      counted.rows[counted.count++] = n;
    }
  }
  int64_t count = counted.count;
  counted.hidden = plainMatrix(scratch(count * channels * bytesOf(type)), type, count, channels);
  int64_t rows = taskRows(count, 1);
  inTasks(piecesOf(count, rows), [&](int64_t task, int worker) {
    int64_t first = task * rows;
    int64_t here = smaller(rows, count - first);
    auto* gathered = static_cast<float*>(workerMemory(worker, Use::kResult, here * channels * 4));
    for (int64_t r = 0; r < here; r++) {
      loadRow(hidden, 0, 0, counted.rows[first + r], gathered + r * channels);
    }
    convert(plainMatrix(gathered, A4J_FLOAT32, here, channels),
            counted.hidden.rowsFrom(first, here), worker);
  });
  return counted;
}

void forward(const Companions& kernels, int precision, const a4j_array& hidden,
             const a4j_array& weight, const int32_t* targets, const a4j_array& losses,
             const a4j_array& logSumExp) {
  int32_t type = operandType(precision);
  Counted rows = counted(hidden, targets, type);
  Packed right = packed(loaded(weight, type), type);
  auto panels = static_cast<int64_t>(right.panels.size());
  int64_t height = taskRows(rows.count, panels);
  int64_t blocks = piecesOf(rows.count, height);
  // Where there are few rows, a task takes a part of the vocabulary.
  int64_t parts = blocks >= 32 || blocks == 0 ? 1 : smaller(panels, piecesOf(32, blocks));
  auto* highest = scratchOf<float>(rows.count * parts);
  auto* sums = scratchOf<double>(rows.count * parts);
  auto* targetLogits = scratchOf<float>(rows.count);
  inTasks(blocks * parts, [&](int64_t task, int worker) {
    int64_t first = task / parts * height;
    int64_t part = task % parts;
    int64_t count = smaller(height, rows.count - first);
    float* top = highest + part * rows.count + first;
    double* sum = sums + part * rows.count + first;
    for (int64_t r = 0; r < count; r++) {
      top[r] = -INFINITY;
      sum[r] = 0;
    }
    auto* logits = static_cast<float*>(workerMemory(worker, Use::kResult, count * kPanel * 4));
    for (int64_t p = panels * part / parts; p < panels * (part + 1) / parts; p++) {
      int64_t columns = right.panelColumns(p);
      Matrix tile = plainMatrix(logits, A4J_FLOAT32, count, columns);
      multiply(rows.hidden.rowsFrom(first, count), right.panels[p], tile, nullptr, false, worker);
      kernels.addExponentials(logits, columns, count, columns, top, sum);
      for (int64_t r = 0; r < count; r++) {
        int64_t column = targets[rows.rows[first + r]] - p * kPanel;
        if (column >= 0 && column < columns) {
          targetLogits[first + r] = logits[r * columns + column];
        }
      }
    }
  });
  for (int64_t n = 0; n < hidden.shape[2]; n++) {
    if (targets[n] < 0) {
      setElement(losses, n, 0);
      setElement(logSumExp, n, 0);
    }
  }
  for (int64_t r = 0; r < rows.count; r++) {
    float top = -INFINITY;
    for (int64_t part = 0; part < parts; part++) {
      top = std::fmax(top, highest[part * rows.count + r]);
    }
    double sum = 0;
    for (int64_t part = 0; part < parts; part++) {
      int64_t i = part * rows.count + r;
      sum += sums[i] * std::exp(static_cast<double>(highest[i]) - top);
    }
    // The highest logit alone adds 1, which the polynomial may miss by 7.5e-8: without the bound,
    // the loss of a sure prediction would be negative. NaN stays.
    double total = std::log(sum < 1 ? 1 : sum) + top;
    setElement(logSumExp, rows.rows[r], static_cast<float>(total));
    setElement(losses, rows.rows[r], static_cast<float>(total - targetLogits[r]));
  }
}

// Slopes of all rows for the vocabulary from `start`, which right packs.
void fillSlopes(const Companions& kernels, const Counted& rows, const Packed& right,
                const int32_t* targets, int64_t start, const Matrix& slopes, const float* totals,
                const float* scales) {
  int64_t firstPanel = start / kPanel;
  int64_t panels = piecesOf(slopes.columns, kPanel);
  int64_t height = taskRows(rows.count, panels);
  inTasks(piecesOf(rows.count, height) * panels, [&](int64_t task, int worker) {
    int64_t first = task / panels * height;
    int64_t count = smaller(height, rows.count - first);
    int64_t p = task % panels;
    int64_t columns = right.panelColumns(firstPanel + p);
    auto* logits = static_cast<float*>(workerMemory(worker, Use::kResult, count * columns * 4));
    Matrix tile = plainMatrix(logits, A4J_FLOAT32, count, columns);
    multiply(rows.hidden.rowsFrom(first, count), right.panels[firstPanel + p], tile, nullptr, false,
             worker);
    kernels.slopes(logits, columns, count, columns, totals + first, scales + first);
    for (int64_t r = 0; r < count; r++) {
      int64_t column = targets[rows.rows[first + r]] - start - p * kPanel;
      if (column >= 0 && column < columns) {
        logits[r * columns + column] -= scales[first + r];
      }
    }
    convert(tile, slopes.part(first, count, p * kPanel, columns), worker);
  });
}

// Stores rows of sums where they belong, and 0 in rows that do not count.
void storeCounted(const Counted& rows, const Matrix& sums, const a4j_array& result) {
  int64_t all = result.shape[2];
  auto* places = scratchOf<int64_t>(all);
  for (int64_t n = 0; n < all; n++) {
    places[n] = -1;
  }
  for (int64_t r = 0; r < rows.count; r++) {
    places[rows.rows[r]] = r;
  }
  auto* zeros = scratchOf<float>(sums.columns);
  for (int64_t i = 0; i < sums.columns; i++) {
    zeros[i] = 0;
  }
  int64_t height = taskRows(all, 1);
  inTasks(piecesOf(all, height), [&](int64_t task, int) {
    for (int64_t n = task * height; n < all && n < (task + 1) * height; n++) {
      bool counts = places[n] >= 0;
      auto* sum = reinterpret_cast<const float*>(sums.data);
      storeRow(result, 0, 0, n, counts ? sum + places[n] * sums.columns : zeros);
    }
  });
}

void backward(const Companions& kernels, int precision, const a4j_array& hidden,
              const a4j_array& weight, const int32_t* targets, const a4j_array& logSumExp,
              const a4j_array& lossGradients, const a4j_array& hiddenGradient,
              const a4j_array* weightGradient) {
  int32_t type = operandType(precision);
  Counted rows = counted(hidden, targets, type);
  Matrix factor = loaded(weight, type);
  Packed right = packed(factor, type);
  auto* totals = scratchOf<float>(rows.count);
  auto* scales = scratchOf<float>(rows.count);
  for (int64_t r = 0; r < rows.count; r++) {
    totals[r] = elementOf(logSumExp, rows.rows[r]);
    scales[r] = elementOf(lossGradients, rows.rows[r]);
  }
  int64_t channels = factor.rows;
  int64_t vocabulary = factor.columns;
  int64_t groupBytes = rows.count * kGroup * bytesOf(type);
  int64_t groups = groupBytes == 0 || groupBytes > kSlopeBytes ? 1 : kSlopeBytes / groupBytes;
  int64_t width = smaller(vocabulary, groups * kGroup);
  void* slopeData = scratch(rows.count * width * bytesOf(type));
  Matrix sums = plainMatrix(scratch(rows.count * channels * 4), A4J_FLOAT32, rows.count, channels);
  Matrix result{};
  if (weightGradient != nullptr) {
    result = loaded(*weightGradient, type);
    if (rows.count == 0) {
      storeCounted(rows, plainMatrix(nullptr, A4J_FLOAT32, 0, vocabulary), *weightGradient);
    }
  }
  for (int64_t start = 0; start < vocabulary && rows.count > 0; start += width) {
    int64_t columns = smaller(width, vocabulary - start);
    Matrix slopes = plainMatrix(slopeData, type, rows.count, columns);
    fillSlopes(kernels, rows, right, targets, start, slopes, totals, scales);
    for (int64_t group = 0; group < columns; group += kGroup) {
      int64_t wide = smaller(kGroup, columns - group);
      Matrix turned = factor.part(0, channels, start + group, wide).transposed();
      ScratchScope forGroup;
      multiplyAll(slopes.part(0, rows.count, group, wide), packed(turned, type), sums, nullptr,
                  start + group > 0);
    }
    if (weightGradient != nullptr) {
      ScratchScope forSlopes;
      multiplyTransposed(rows.hidden, slopes, result.part(0, channels, start, columns), type);
    }
  }
  storeCounted(rows, sums, hiddenGradient);
}

}  // namespace
}  // namespace a4j

extern "C" {

int a4j_cross_entropy(int isa, int precision, const a4j_array* hidden, const a4j_array* weight,
                      const int32_t* targets, const a4j_array* losses,
                      const a4j_array* log_sum_exp) {
  return a4j::call(isa, [&](const a4j::Kernels& kernels) {
    a4j::forward(kernels.companions, precision, *hidden, *weight, targets, *losses, *log_sum_exp);
  });
}

int a4j_cross_entropy_gradient(int isa, int precision, const a4j_array* hidden,
                               const a4j_array* weight, const int32_t* targets,
                               const a4j_array* log_sum_exp, const a4j_array* loss_gradients,
                               const a4j_array* hidden_gradient, const a4j_array* weight_gradient) {
  return a4j::call(isa, [&](const a4j::Kernels& kernels) {
    a4j::backward(kernels.companions, precision, *hidden, *weight, targets, *log_sum_exp,
                  *loss_gradients, *hidden_gradient, weight_gradient);
  });
}

}  // extern "C"
