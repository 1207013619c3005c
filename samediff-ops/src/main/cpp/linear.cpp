// Linear layers: input weight + bias, and its gradients.
#include <vector>

#include "arrays.h"
#include "call.h"
#include "few_rows_product.h"
#include "matmul.h"

namespace a4j {
namespace {

// Rows whose sum is kept in float32; sums of such blocks are added in double.
constexpr int64_t kSummedRows = 128;

// Products of bfloat16 are exact in float32, so arrays of bfloat16 lose nothing by staying so.
int32_t operandType(int precision, const a4j_array& input) {
  return input.type == A4J_BFLOAT16 ? A4J_BFLOAT16 : a4j::operandType(precision);
}

a4j_array row(const a4j_array& vector) {
  a4j_array row = vector;
  for (int d = 0; d < 3; d++) {
    if (vector.shape[d] > 1) {
      row.shape[3] = vector.shape[d];
      row.stride[3] = vector.stride[d];
      row.shape[d] = 1;
    }
  }
  return row;
}

void linear(const FewRowsKernels& kernels, int precision, const a4j_array& input,
            const a4j_array& weight, const a4j_array* bias, const a4j_array& output) {
  int32_t type = operandType(precision, input);
  float* biasRow = nullptr;
  if (bias != nullptr) {
    biasRow = scratchOf<float>(weight.shape[3]);
    loadRow(row(*bias), 0, 0, 0, biasRow);
  }
  Result result(output);
  Matrix left = loaded(input, type);
  Matrix right = loaded(weight, type);
  bool multiplied = multiplyFewRows(kernels, left, right, type, result.matrix(), biasRow);
  if (!multiplied && isBestUnpacked(left.rows, right, type)) {
    multiplyUnpacked(left, right, result.matrix(), biasRow);
  } else if (!multiplied) {
    multiplyAll(left, packed(right, type), result.matrix(), biasRow, false);
  }
  result.store();
}

// Sums over all rows, of the gradient as it is and not rounded.
void biasGradient(const a4j_array& outputGradient, const a4j_array& result) {
  int64_t columns = outputGradient.shape[3];
  int64_t inner = outputGradient.shape[2];
  int64_t blocks = (inner + kSummedRows - 1) / kSummedRows;
  int64_t tasks = outputGradient.shape[0] * outputGradient.shape[1] * blocks;
  auto* sums = scratchOf<float>(tasks * columns);
  inTasks(tasks, [&](int64_t task, int worker) {
    float* sum = sums + task * columns;
    auto* rows = static_cast<float*>(workerMemory(worker, Use::kRow, columns * 4));
    for (int64_t i = 0; i < columns; i++) {
      sum[i] = 0;
    }
    int64_t outer = task / blocks;
    int64_t first = task % blocks * kSummedRows;
    for (int64_t r = first; r < inner && r < first + kSummedRows; r++) {
      loadRow(outputGradient, outer / outputGradient.shape[1], outer % outputGradient.shape[1], r,
              rows);
      for (int64_t i = 0; i < columns; i++) {
        sum[i] += rows[i];
      }
    }
  });
  auto* total = scratchOf<float>(columns);
  for (int64_t i = 0; i < columns; i++) {
    double all = 0;
    for (int64_t task = 0; task < tasks; task++) {
      all += sums[task * columns + i];
    }
    total[i] = static_cast<float>(all);
  }
  storeRow(row(result), 0, 0, 0, total);
}

void linearGradient(int precision, const a4j_array& input, const a4j_array& weight,
                    const a4j_array& outputGradient, const a4j_array& inputGradient,
                    const a4j_array* weightGradient) {
  int32_t type = operandType(precision, input);
  // Both products take it, so it is converted once.
  Matrix slopes = converted(outputGradient, type);
  Result result(inputGradient);
  multiplyAll(slopes, packed(loaded(weight, type).transposed(), type), result.matrix(), nullptr,
              false);
  result.store();
  if (weightGradient != nullptr) {
    multiplyTransposed(loaded(input, type), slopes, Result(*weightGradient).matrix(), type);
  }
}

}  // namespace
}  // namespace a4j

extern "C" {

int a4j_linear(int isa, int precision, const a4j_array* input, const a4j_array* weight,
               const a4j_array* bias, const a4j_array* output) {
  return a4j::call(isa, [&](const a4j::Kernels& kernels) {
    a4j::linear(kernels.fewRows, precision, *input, *weight, bias, *output);
  });
}

int a4j_linear_gradient(int isa, int precision, const a4j_array* input, const a4j_array* weight,
                        const a4j_array* output_gradient, const a4j_array* input_gradient,
                        const a4j_array* weight_gradient, const a4j_array* bias_gradient) {
  return a4j::call(isa, [&](const a4j::Kernels&) {
    a4j::linearGradient(precision, *input, *weight, *output_gradient, *input_gradient,
                        weight_gradient);
    if (bias_gradient != nullptr) {
      a4j::biasGradient(*output_gradient, *bias_gradient);
    }
  });
}

int a4j_hold_weights(const void* data, int64_t bytes) {
  return a4j::call(A4J_SCALAR, [&](const a4j::Kernels&) { a4j::holdWeights(data, bytes); });
}

int a4j_release_weights(const void* data) {
  return a4j::call(A4J_SCALAR, [&](const a4j::Kernels&) { a4j::releaseWeights(data); });
}

}  // extern "C"
