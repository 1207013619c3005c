// Products of few rows on every instruction set, by weights as they lie and as they are held,
// against plain loops in double.
#include "linear_problem.h"

namespace a4j {
namespace {

void fewRowsAreRightAsTheWeightLies() {
  onEveryInstructionSet([](int isa) {
    for (int precision : kPrecisions) {
      for (int32_t type : {A4J_FLOAT32, A4J_BFLOAT16}) {
        for (Array::Layout layout : {Array::kPlain, Array::kTransposed, Array::kSpread}) {
          for (int64_t rows : {1, 2, 3, 4, 7, 8, 9}) {
            for (int64_t out : {1, 63, 64, 65, 300}) {
              int64_t in = out == 300 ? 70 : 35;
              Linear linear(precision, A4J_FLOAT32, type, layout, layout, 1, rows, in, out);
              linear.forward(isa);
              linear.expectRightOutput("few rows");
            }
          }
        }
      }
    }
  });
}

void fewRowsAreRightByAHeldWeight() {
  onEveryInstructionSet([](int isa) {
    for (Array::Layout layout : {Array::kPlain, Array::kTransposed}) {
      for (int64_t rows : {1, 3, 8}) {
        for (int64_t out : {1, 17, 64, 511, 512, 513, 1100}) {
          for (int64_t in : {1, 33, 64}) {
            Linear linear(A4J_PRECISION_BFLOAT16, A4J_FLOAT32, Array::kPlain, layout, 1, rows, in,
                          out);
            a4j_hold_weights(linear.weight.array.data, in * out * 4);
            linear.forward(isa);
            linear.expectRightOutput("few rows, held");
            a4j_release_weights(linear.weight.array.data);
          }
        }
      }
    }
  });
}

// Types of input and weight; outputs are of the input's.
void fewRowsAreRightForEveryPairOfTypes() {
  const int32_t types[][2] = {{A4J_BFLOAT16, A4J_BFLOAT16},
                              {A4J_FLOAT16, A4J_FLOAT16},
                              {A4J_FLOAT16, A4J_BFLOAT16},
                              {A4J_FLOAT32, A4J_BFLOAT16}};
  onEveryInstructionSet([&](int isa) {
    for (auto& [input, weight] : types) {
      for (Array::Layout layout : {Array::kPlain, Array::kTransposed}) {
        for (int64_t rows : {1, 5, 8}) {
          for (bool held : {false, true}) {
            for (int precision : kPrecisions) {
              Linear linear(precision, input, weight, Array::kPlain, layout, 1, rows, 33, 530);
              if (held) {
                a4j_hold_weights(linear.weight.array.data,
                                 33 * 530 * (weight == A4J_FLOAT32 ? 4 : 2));
              }
              linear.forward(isa);
              linear.expectRightOutput("few rows, types");
              a4j_release_weights(linear.weight.array.data);
            }
          }
        }
      }
    }
  });
}

// Rows at and beyond both bounds: of these kernels, and of float32 weights used as they lie.
void rowsBeyondAFewAreRight() {
  for (int32_t type : {A4J_FLOAT32, A4J_BFLOAT16}) {
    for (Array::Layout layout : {Array::kPlain, Array::kTransposed, Array::kSpread}) {
      for (int64_t rows : {9, 16, 17}) {
        Linear linear(A4J_PRECISION_FLOAT32, A4J_FLOAT32, type, Array::kPlain, layout, 1, rows, 70,
                      600);
        linear.forward(A4J_SCALAR);
        linear.expectRightOutput("rows beyond a few");
      }
    }
  }
}

// What is in an array beyond a matrix of few rows must not get into its sums.
void fewRowsKeepWhatIsNotANumberInItsOwnRow() {
  onEveryInstructionSet([](int isa) {
    for (Array::Layout layout : {Array::kPlain, Array::kTransposed}) {
      Linear linear(A4J_PRECISION_BFLOAT16, A4J_FLOAT32, Array::kPlain, layout, 1, 3, 33, 70);
      a4j_hold_weights(linear.weight.array.data, 33 * 70 * 4);
      linear.input.set(1, 32, NAN);
      linear.forward(isa);
      for (int64_t j = 0; j < 70; j++) {
        CHECK(std::isnan(linear.output.get(1, j)), "NaN was lost at %ld", static_cast<long>(j));
        CHECK(std::isfinite(linear.output.get(0, j)) && std::isfinite(linear.output.get(2, j)),
              "NaN of another row at %ld", static_cast<long>(j));
      }
      a4j_release_weights(linear.weight.array.data);
    }
  });
}

void fewRowsHaveEqualBitsForAnyThreads(int isa, Array::Layout layout, bool held) {
  Linear linear(A4J_PRECISION_BFLOAT16, A4J_FLOAT32, Array::kPlain, layout, 1, 3, 96, 5000);
  if (held) {
    a4j_hold_weights(linear.weight.array.data, 96 * 5000 * 4);
  }
  a4j_set_threads(1);
  linear.forward(isa);
  std::vector<uint8_t> one = linear.output.bytes;
  for (int threads : {2, 3, 5}) {
    a4j_set_threads(threads);
    linear.output.set(2, 4999, 0);
    linear.forward(isa);
    CHECK(linear.output.bytes == one, "few rows, %d threads", threads);
  }
  a4j_release_weights(linear.weight.array.data);
}

}  // namespace
}  // namespace a4j

int main() {
  a4j::fewRowsAreRightAsTheWeightLies();
  a4j::fewRowsAreRightByAHeldWeight();
  a4j::fewRowsAreRightForEveryPairOfTypes();
  a4j::rowsBeyondAFewAreRight();
  a4j::fewRowsKeepWhatIsNotANumberInItsOwnRow();
  a4j::onEveryInstructionSet([](int isa) {
    for (a4j::Array::Layout layout : {a4j::Array::kPlain, a4j::Array::kTransposed}) {
      a4j::fewRowsHaveEqualBitsForAnyThreads(isa, layout, false);
      a4j::fewRowsHaveEqualBitsForAnyThreads(isa, layout, true);
    }
  });
  return a4j_test::result("few rows");
}
