// Products and cross-entropy against plain loops in double, over layouts, types and sizes on both
// sides of each border; equal bits for any number of threads; weights that are held.
#include "linear_problem.h"

namespace a4j {
namespace {

const Array::Layout kLayouts[] = {Array::kPlain, Array::kTransposed, Array::kSpread,
                                  Array::kPermuted};

void linearIsRightInEveryLayoutAndType() {
  for (int precision : kPrecisions) {
    for (Array::Layout layout : kLayouts) {
      for (Array::Layout weightLayout : {Array::kPlain, Array::kTransposed, Array::kSpread}) {
        for (int32_t type : {A4J_FLOAT32, A4J_BFLOAT16, A4J_FLOAT16}) {
          for (int64_t rows : {3, 13}) {
            Linear linear(precision, type, layout, weightLayout, 2, rows, 33, 21);
            linear.compute();
            linear.expectRight();
          }
        }
      }
    }
  }
}

void aWeightMayBeBfloat16BesideAnyOther() {
  for (int precision : kPrecisions) {
    for (int32_t type : {A4J_FLOAT32, A4J_FLOAT16}) {
      for (Array::Layout layout : {Array::kPlain, Array::kTransposed, Array::kSpread}) {
        for (int64_t out : {21, 513}) {
          Linear linear(precision, type, A4J_BFLOAT16, Array::kPlain, layout, 2, 70, 33, out);
          linear.compute();
          linear.expectRight();
        }
      }
    }
  }
}

void linearIsRightOnBothSidesOfEveryBorder() {
  for (int precision : kPrecisions) {
    for (int64_t rows : {1, 16, 17, 63, 64, 65, 130}) {
      for (int64_t out : {1, 511, 513}) {
        Linear linear(precision, A4J_FLOAT32, Array::kPlain, Array::kPlain, 1, rows, 40, out);
        linear.compute();
        linear.expectRight();
      }
    }
    // Sums over more rows than are summed at once.
    for (Array::Layout layout : {Array::kPlain, Array::kTransposed}) {
      Linear linear(precision, A4J_FLOAT32, Array::kPlain, layout, 1, 4100, 20, 30);
      linear.compute();
      linear.expectRight();
    }
  }
}

void bitsDoNotDependOnThreads(int precision, int64_t rows) {
  Linear one(precision, A4J_FLOAT32, Array::kPlain, Array::kPlain, 1, rows, 96, 1100);
  Linear many = one;
  for (Array* own : {&many.input, &many.weight, &many.bias, &many.outputGradient, &many.output,
                     &many.inputGradient, &many.weightGradient, &many.biasGradient}) {
    own->array.data = own->bytes.data() + 64;
  }
  a4j_set_threads(1);
  one.compute();
  for (int threads : {2, 3, 5}) {
    a4j_set_threads(threads);
    many.compute();
    CHECK(one.output.bytes == many.output.bytes, "output, %d threads", threads);
    CHECK(one.inputGradient.bytes == many.inputGradient.bytes, "dX, %d threads", threads);
    CHECK(one.weightGradient.bytes == many.weightGradient.bytes, "dW, %d threads", threads);
    CHECK(one.biasGradient.bytes == many.biasGradient.bytes, "db, %d threads", threads);
  }
}

void whatIsHeldIsKeptUntilItIsReleased() {
  int precision = A4J_PRECISION_BFLOAT16;
  Linear linear(precision, A4J_FLOAT32, Array::kPlain, Array::kPlain, 1, 70, 40, 50);
  auto hold = [&] { a4j_hold_weights(linear.weight.array.data, 40 * 50 * 4); };
  auto release = [&] { a4j_release_weights(linear.weight.array.data); };
  hold();
  hold();
  linear.compute();
  linear.expectRight();
  std::vector<uint8_t> before = linear.output.bytes;
  linear.weight.set(3, 4, 9);
  linear.compute();
  CHECK(linear.output.bytes == before, "packed again though held");
  release();
  linear.compute();
  CHECK(linear.output.bytes == before, "given back while still held");
  release();
  linear.compute();
  linear.expectRight();
  hold();
  linear.compute();
  linear.expectRight();
  release();
}

struct CrossEntropyCase {
  int precision;
  Array hidden;
  Array weight;
  std::vector<int32_t> targets;
  Array losses;
  Array logSumExp;
  Array lossGradients;
  Array hiddenGradient;
  Array weightGradient;

  static Array vector(int64_t n) {
    Array v(A4J_FLOAT32, Array::kPlain, 1, 1, n);
    return v;
  }

  CrossEntropyCase(int precision, int32_t type, Array::Layout layout, Array::Layout weightLayout,
                   int64_t rows, int64_t channels, int64_t vocabulary, int ignoredOf4)
      : precision(precision),
        hidden(type, layout, 1, rows, channels),
        weight(type, weightLayout, 1, channels, vocabulary),
        losses(vector(rows)),
        logSumExp(vector(rows)),
        lossGradients(vector(rows)),
        hiddenGradient(hidden),
        weightGradient(weight) {
    for (int64_t n = 0; n < rows; n++) {
      bool ignored = static_cast<int>(n % 4) < ignoredOf4;
      targets.push_back(ignored ? -100 : static_cast<int32_t>(random() % vocabulary));
    }
    rebase();
  }

  void rebase() {
    for (Array* own : {&hidden, &weight, &losses, &logSumExp, &lossGradients, &hiddenGradient,
                       &weightGradient}) {
      own->array.data = own->bytes.data() + 64;
    }
  }

  void compute(int isa) {
    int status = a4j_cross_entropy(isa, precision, &hidden.array, &weight.array, targets.data(),
                                   &losses.array, &logSumExp.array);
    CHECK(status == A4J_OK, "status %d", status);
    status = a4j_cross_entropy_gradient(isa, precision, &hidden.array, &weight.array,
                                        targets.data(), &logSumExp.array, &lossGradients.array,
                                        &hiddenGradient.array, &weightGradient.array);
    CHECK(status == A4J_OK, "status %d", status);
  }

  void expectRight(const char* name) const {
    int64_t rows = hidden.rows();
    int64_t channels = hidden.columns();
    int64_t vocabulary = weight.columns();
    std::vector<double> hiddenExact(rows * channels);
    std::vector<double> weightExact(channels * vocabulary);
    std::vector<double> logits(vocabulary);
    double scale = std::sqrt(static_cast<double>(channels));
    for (int64_t n = 0; n < rows; n++) {
      if (targets[n] < 0) {
        CHECK(losses.get(0, n) == 0 && logSumExp.get(0, n) == 0, "%s: row %ld counts", name,
              static_cast<long>(n));
        continue;
      }
      double highest = -1e300;
      for (int64_t v = 0; v < vocabulary; v++) {
        logits[v] = 0;
        for (int64_t c = 0; c < channels; c++) {
          logits[v] += rounded(hidden.get(n, c), precision) * rounded(weight.get(c, v), precision);
        }
        highest = std::max(highest, logits[v]);
      }
      double sum = 0;
      for (int64_t v = 0; v < vocabulary; v++) {
        sum += std::exp(logits[v] - highest);
      }
      double total = highest + std::log(sum);
      CHECK(std::fabs(logSumExp.get(0, n) - total) <= 2e-6 * scale + 1e-6 * std::fabs(total),
            "%s: sum %ld: %g, expected %g", name, static_cast<long>(n), logSumExp.get(0, n), total);
      double loss = total - logits[targets[n]];
      CHECK(std::fabs(losses.get(0, n) - loss) <= 4e-6 * scale + 1e-6 * std::fabs(total),
            "%s: loss %ld: %g, expected %g", name, static_cast<long>(n), losses.get(0, n), loss);
      for (int64_t v = 0; v < vocabulary; v++) {
        double slope = std::exp(logits[v] - total) - (v == targets[n] ? 1 : 0);
        slope = rounded(slope * lossGradients.get(0, n), precision);
        for (int64_t c = 0; c < channels; c++) {
          hiddenExact[n * channels + c] += slope * rounded(weight.get(c, v), precision);
          weightExact[c * vocabulary + v] += slope * rounded(hidden.get(n, c), precision);
        }
      }
    }
    // A slope on the border between two bfloat16 may go either way.
    double last = precision == A4J_PRECISION_FLOAT32 ? 1e-5 : 8e-3;
    auto expect = [&](const char* what, const Array& actual, const std::vector<double>& exact) {
      double most = 0;
      for (double x : exact) {
        most = std::max(most, std::fabs(x));
      }
      for (size_t i = 0; i < exact.size(); i++) {
        double value = actual.get(i / actual.columns(), i % actual.columns());
        CHECK(std::fabs(value - exact[i]) <= last * most + allowed(exact[i], 0, actual),
              "%s: %s gradient %zu: %g, expected %g", name, what, i, value, exact[i]);
      }
      CHECK(actual.roomIsUntouched(), "%s: %s wrote outside", name, what);
    };
    expect("hidden", hiddenGradient, hiddenExact);
    expect("weight", weightGradient, weightExact);
  }
};

void gradientsThatAreNotWantedChangeNoOther() {
  for (int precision : kPrecisions) {
    Linear linear(precision, A4J_FLOAT32, Array::kPlain, Array::kPlain, 1, 70, 33, 21);
    linear.compute();
    std::vector<uint8_t> inputs = linear.inputGradient.bytes;
    std::vector<uint8_t> weights = linear.weightGradient.bytes;
    linear.inputGradient.set(0, 0, 99);
    int status = a4j_linear_gradient(A4J_SCALAR, precision, &linear.input.array,
                                     &linear.weight.array, &linear.outputGradient.array,
                                     &linear.inputGradient.array, nullptr, nullptr);
    CHECK(status == A4J_OK, "status %d", status);
    CHECK(linear.inputGradient.bytes == inputs, "input gradient without the weight's");
    CHECK(linear.weightGradient.bytes == weights, "weight gradient was written");

    CrossEntropyCase loss(precision, A4J_FLOAT32, Array::kPlain, Array::kPlain, 70, 9, 2500, 1);
    loss.compute(A4J_SCALAR);
    std::vector<uint8_t> hidden = loss.hiddenGradient.bytes;
    loss.hiddenGradient.set(1, 0, 99);
    status = a4j_cross_entropy_gradient(
        A4J_SCALAR, precision, &loss.hidden.array, &loss.weight.array, loss.targets.data(),
        &loss.logSumExp.array, &loss.lossGradients.array, &loss.hiddenGradient.array, nullptr);
    CHECK(status == A4J_OK, "status %d", status);
    CHECK(loss.hiddenGradient.bytes == hidden, "hidden gradient without the weight's");
  }
}

void crossEntropyIsRightOnEveryInstructionSet() {
  onEveryInstructionSet([](int isa) {
    for (int precision : kPrecisions) {
      for (Array::Layout weightLayout : {Array::kPlain, Array::kTransposed}) {
        for (int ignored : {0, 1, 4}) {
          CrossEntropyCase few(precision, A4J_FLOAT32, Array::kPlain, weightLayout, 13, 5, 11,
                               ignored);
          few.compute(isa);
          few.expectRight("few");
        }
        // More than a panel and a group of the vocabulary, more than a block of rows.
        CrossEntropyCase many(precision, A4J_FLOAT32, Array::kSpread, weightLayout, 67, 9, 2600, 1);
        many.compute(isa);
        many.expectRight("many");
      }
      for (int32_t type : {A4J_BFLOAT16, A4J_FLOAT16}) {
        CrossEntropyCase typed(precision, type, Array::kTransposed, Array::kTransposed, 70, 33, 50,
                               1);
        typed.compute(isa);
        typed.expectRight("typed");
      }
    }
  });
}

void aLogitFarFromTheOthersOverflowsNothing() {
  CrossEntropyCase far(A4J_PRECISION_FLOAT32, A4J_FLOAT32, Array::kPlain, Array::kPlain, 5, 4, 700,
                       0);
  for (int64_t c = 0; c < 4; c++) {
    far.weight.set(c, 600, 3000.0f * (c % 2 == 0 ? 1 : -1));
  }
  far.compute(A4J_SCALAR);
  far.expectRight("far");
}

void crossEntropyHasEqualBitsForAnyThreads() {
  CrossEntropyCase one(A4J_PRECISION_BFLOAT16, A4J_FLOAT32, Array::kPlain, Array::kTransposed, 300,
                       32, 5000, 1);
  CrossEntropyCase many = one;
  many.rebase();
  a4j_set_threads(1);
  one.compute(A4J_SCALAR);
  for (int threads : {2, 3, 5}) {
    a4j_set_threads(threads);
    many.compute(A4J_SCALAR);
    CHECK(one.losses.bytes == many.losses.bytes, "losses, %d threads", threads);
    CHECK(one.hiddenGradient.bytes == many.hiddenGradient.bytes, "hidden, %d threads", threads);
    CHECK(one.weightGradient.bytes == many.weightGradient.bytes, "weight, %d threads", threads);
  }
}

}  // namespace
}  // namespace a4j

int main() {
  a4j::linearIsRightInEveryLayoutAndType();
  a4j::aWeightMayBeBfloat16BesideAnyOther();
  a4j::linearIsRightOnBothSidesOfEveryBorder();
  for (int precision : a4j::kPrecisions) {
    a4j::bitsDoNotDependOnThreads(precision, 5);
    a4j::bitsDoNotDependOnThreads(precision, 2500);
  }
  a4j::whatIsHeldIsKeptUntilItIsReleased();
  a4j::crossEntropyIsRightOnEveryInstructionSet();
  a4j::aLogitFarFromTheOthersOverflowsNothing();
  a4j::crossEntropyHasEqualBitsForAnyThreads();
  a4j::gradientsThatAreNotWantedChangeNoOther();
  return a4j_test::result("linear");
}
