// The ops around attention against plain loops in double: every instruction set of this processor,
// odd lengths, every layout and type.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "arrays_for_tests.h"

using namespace a4j_test;

namespace {

constexpr int32_t kTypes[] = {A4J_FLOAT32, A4J_BFLOAT16, A4J_FLOAT16};

// The case under test, for messages.
struct Case {
  int isa;
  int32_t type;
  Layout layout;
  int64_t rows;
  int64_t columns;

  Array array() const { return Array(type, layout, 1, 2, rows, columns); }
  std::string text() const {
    return "isa " + std::to_string(isa) + ", type " + std::to_string(type) + ", layout " +
           std::to_string(static_cast<int>(layout)) + ", 2 x " + std::to_string(rows) + " x " +
           std::to_string(columns);
  }
};

// Rows of odd lengths around the width of every vector, and enough of them for several tasks.
void everyCase(const std::function<void(const Case&)>& test) {
  const int64_t sizes[][2] = {{1, 1},  {3, 7},   {2, 16},   {17, 24}, {5, 63},
                              {1, 64}, {2, 129}, {70, 150}, {3, 2050}};
  for (int isa : instructionSets()) {
    for (int32_t type : kTypes) {
      for (Layout layout : kLayouts) {
        for (auto& size : sizes) {
          // Other types go through the same rows of floats: a few sizes show that they do.
          if ((type == A4J_FLOAT32 && !brief()) || size[0] == 3 || size[0] == 17) {
            test({isa, type, layout, size[0], size[1]});
          }
        }
      }
    }
  }
}

// 2e-6 of the expected value, or of `scale` where terms cancel, before the rounding to the type.
void checkElement(const Case& c, const char* what, int64_t i, double actual, double expected,
                  double scale) {
  double allowed = 2e-6 * std::max(scale, std::fabs(expected)) +
                   roundingError(c.type) * std::fabs(expected) * 1.01 + halfStep(c.type);
  CHECK(std::fabs(actual - expected) <= allowed, "%s[%d] is %.9g, expected %.9g; %s", what, (int)i,
        actual, expected, c.text().c_str());
}

void checkGaps(const Case& c, std::initializer_list<const Array*> outputs) {
  for (const Array* output : outputs) {
    CHECK(output->gapsUntouched(), "%s", c.text().c_str());
  }
}

void rmsNorm(const Case& c) {
  std::mt19937 random(1);
  const double epsilon = 1e-5;
  Array x = c.array().fill(random, 2);
  Array dy = c.array().fill(random, 1);
  Array gain = Array(c.type, Layout::kPadded, 1, 1, c.columns, 1).fill(random, 1);
  Array y = c.array();
  Array dx = c.array();
  Array dgain(c.type, Layout::kContiguous, 1, 1, 1, c.columns);
  CHECK(a4j_rms_norm(c.isa, epsilon, *x, *gain, *y) == A4J_OK, "%s", c.text().c_str());
  CHECK(a4j_rms_norm_gradient(c.isa, epsilon, *x, *gain, *dy, *dx, *dgain) == A4J_OK, "%s",
        c.text().c_str());
  Array alone = c.array();
  CHECK(a4j_rms_norm_gradient(c.isa, epsilon, *x, *gain, *dy, *alone, nullptr) == A4J_OK, "%s",
        c.text().c_str());
  std::vector<double> gainSums(c.columns);
  std::vector<double> gainScales(c.columns);
  for (int64_t row = 0; row < 2 * c.rows; row++) {
    double squares = 0;
    double products = 0;
    double magnitudes = 0;
    for (int64_t i = 0; i < c.columns; i++) {
      double vector = x.at(row * c.columns + i);
      double term = dy.at(row * c.columns + i) * gain.at(i) * vector;
      squares += vector * vector;
      products += term;
      magnitudes += std::fabs(term);
    }
    double inverse = 1 / std::sqrt(squares / c.columns + epsilon);
    double shrink = inverse * inverse * inverse / c.columns;
    for (int64_t i = 0; i < c.columns; i++) {
      int64_t at = row * c.columns + i;
      double g = dy.at(at) * gain.at(i);
      checkElement(c, "y", at, y.at(at), x.at(at) * inverse * gain.at(i), 0);
      double expected = g * inverse - x.at(at) * shrink * products;
      double scale = std::fabs(g * inverse) + std::fabs(x.at(at)) * shrink * magnitudes;
      checkElement(c, "dx", at, dx.at(at), expected, scale);
      CHECK(alone.at(at) == dx.at(at), "%s: dx differs without dgain", c.text().c_str());
      gainSums[i] += dy.at(at) * x.at(at) * inverse;
      gainScales[i] += std::fabs(dy.at(at) * x.at(at) * inverse);
    }
  }
  for (int64_t i = 0; i < c.columns; i++) {
    checkElement(c, "dgain", i, dgain.at(i), gainSums[i], gainScales[i]);
  }
  checkGaps(c, {&y, &dx, &dgain});
}

void gatedSilu(const Case& c) {
  std::mt19937 random(2);
  Array gate = c.array().fill(random, 4);
  Array up = c.array().fill(random, 1);
  Array dy = c.array().fill(random, 1);
  // Where exp() is at its limits; float16 holds no results that small.
  const double extremes[] = {86.5, -86.5, -40.3, 60, 1e4, -0.0, -1.2784645};
  for (int64_t i = 0; i < gate.size(); i += 3) {
    gate.set(i, extremes[i / 3 % 7]);
  }
  Array y = c.array();
  Array dgate = c.array();
  Array dup = c.array();
  CHECK(a4j_gated_silu(c.isa, *gate, *up, *y) == A4J_OK, "%s", c.text().c_str());
  CHECK(a4j_gated_silu_gradient(c.isa, *gate, *up, *dy, *dgate, *dup) == A4J_OK, "%s",
        c.text().c_str());
  for (int64_t i = 0; i < gate.size(); i++) {
    double x = gate.at(i);
    double sigmoid = 1 / (1 + std::exp(-x));
    double rest = 1 / (1 + std::exp(x));
    checkElement(c, "y", i, y.at(i), x * sigmoid * up.at(i), 0);
    checkElement(c, "dup", i, dup.at(i), x * sigmoid * dy.at(i), 0);
    double weight = dy.at(i) * up.at(i) * sigmoid;
    double scale = std::fabs(weight) * (1 + std::fabs(x) * rest);
    checkElement(c, "dgate", i, dgate.at(i), weight * (1 + x * rest), scale);
  }
  checkGaps(c, {&y, &dgate, &dup});
}

void arraysOfOneShapeMayDifferInLayout() {
  for (int isa : instructionSets()) {
    for (Layout gateLayout : kLayouts) {
      for (Layout outputLayout : kLayouts) {
        Case c = {isa, A4J_FLOAT32, outputLayout, 19, 150};
        std::mt19937 random(3);
        Array gate = Array(c.type, gateLayout, 1, 2, c.rows, c.columns).fill(random, 1);
        // One row for all, by a stride of 0.
        Array row = Array(c.type, Layout::kContiguous, 1, 1, 1, c.columns).fill(random, 1);
        a4j_array up = **row;
        up.shape[1] = 2;
        up.shape[2] = c.rows;
        up.stride[1] = 0;
        up.stride[2] = 0;
        Array y = c.array();
        CHECK(a4j_gated_silu(isa, *gate, &up, *y) == A4J_OK, "%s", c.text().c_str());
        for (int64_t i = 0; i < y.size(); i++) {
          double x = gate.at(i);
          checkElement(c, "y", i, y.at(i), x / (1 + std::exp(-x)) * row.at(i % c.columns), 0);
        }
        checkGaps(c, {&y});
      }
    }
  }
}

void rotary(const Case& c) {
  std::mt19937 random(4);
  int64_t headDim = c.columns + c.columns % 2;
  for (int pairing : {A4J_HALF_SPLIT, A4J_INTERLEAVED}) {
    for (int64_t pairs : {headDim / 2, (headDim + 3) / 4}) {
      Array heads = Array(c.type, c.layout, 2, 3, c.rows, headDim).fill(random, 1);
      Array turned(c.type, c.layout, 2, 3, c.rows, headDim);
      Array back(c.type, c.layout, 2, 3, c.rows, headDim);
      std::vector<float> angles(2 * c.rows * pairs * 2);
      for (size_t i = 0; i < angles.size(); i += 2) {
        angles[i] = std::cos(0.37f * i);
        angles[i + 1] = std::sin(0.37f * i);
      }
      auto turn = [&](int inverse, const Array& from, const Array& to) {
        CHECK(a4j_rotary(c.isa, inverse, pairing, static_cast<int>(pairs), angles.data(), *from,
                         *to) == A4J_OK,
              "%s", c.text().c_str());
      };
      turn(0, heads, turned);
      turn(1, heads, back);
      for (int64_t i = 0; i < heads.size(); i++) {
        int64_t d = i % headDim;
        int64_t row = i / headDim;
        if (d >= 2 * pairs) {
          checkElement(c, "kept", i, turned.at(i), heads.at(i), 0);
          checkElement(c, "kept", i, back.at(i), heads.at(i), 0);
          continue;
        }
        bool split = pairing == A4J_HALF_SPLIT;
        int64_t pair = split ? d % pairs : d / 2;
        bool first = split ? d < pairs : d % 2 == 0;
        double other = heads.at(i + (first ? 1 : -1) * (split ? pairs : 1));
        int64_t token = row / (3 * c.rows) * c.rows + row % c.rows;
        double cosine = angles[(token * pairs + pair) * 2];
        double sine = (first ? -1 : 1) * angles[(token * pairs + pair) * 2 + 1];
        double scale = std::fabs(heads.at(i)) + std::fabs(other);
        checkElement(c, "turned", i, turned.at(i), heads.at(i) * cosine + other * sine, scale);
        checkElement(c, "back", i, back.at(i), heads.at(i) * cosine - other * sine, scale);
      }
      checkGaps(c, {&turned, &back});
    }
  }
}

void adamW(const Case& c) {
  std::mt19937 random(5);
  const a4j_adamw_step step = {1e-2, 0.9, 0.95, 1e-8, 0.1, 1 - 0.9 * 0.9, 1 - 0.95 * 0.95, 0.5};
  Array p = c.array().fill(random, 1);
  Array g = c.array().fill(random, 1);
  Array m = c.array().fill(random, 0.1);
  Array v = c.array().fill(random, 0.1);
  for (int64_t i = 0; i < v.size(); i++) {
    v.set(i, v.at(i) * v.at(i));
  }
  Array oldP = p;
  Array oldM = m;
  Array oldV = v;
  CHECK(a4j_adamw(c.isa, &step, *p, *g, *m, *v) == A4J_OK, "%s", c.text().c_str());
  for (int64_t i = 0; i < p.size(); i++) {
    double gradient = g.at(i) * step.gradient_scale;
    double first = step.beta1 * oldM.at(i) + (1 - step.beta1) * gradient;
    double second = step.beta2 * oldV.at(i) + (1 - step.beta2) * gradient * gradient;
    double root = std::sqrt(second / step.second_correction) + step.epsilon;
    double update = step.learning_rate * first / step.first_correction / root;
    double kept = oldP.at(i) * (1 - step.learning_rate * step.weight_decay);
    checkElement(c, "m", i, m.at(i), first, std::fabs(oldM.at(i)) + std::fabs(gradient));
    checkElement(c, "v", i, v.at(i), second, 0);
    checkElement(c, "p", i, p.at(i), kept - update, std::fabs(kept) + std::fabs(update));
  }
  checkGaps(c, {&p, &m, &v});
}

void sumOfSquares(const Case& c) {
  std::mt19937 random(6);
  Array array = c.array().fill(random, 1);
  Array copy(c.type, Layout::kContiguous, 1, 1, 1, array.size());
  double expected = 0;
  for (int64_t i = 0; i < array.size(); i++) {
    expected += array.at(i) * array.at(i);
    copy.set(i, array.at(i));
  }
  double sum;
  double scalarSumOfCopy;
  CHECK(a4j_sum_of_squares(c.isa, *array, &sum) == A4J_OK, "%s", c.text().c_str());
  a4j_sum_of_squares(A4J_SCALAR, *copy, &scalarSumOfCopy);
  CHECK(std::fabs(sum - expected) <= 1e-13 * expected, "%.17g, expected %.17g; %s", sum, expected,
        c.text().c_str());
  CHECK(sum == scalarSumOfCopy, "%.17g, a contiguous copy gives %.17g; %s", sum, scalarSumOfCopy,
        c.text().c_str());
}

void notANumberAndInfinityComeThrough() {
  for (int isa : instructionSets()) {
    Array gate(A4J_FLOAT32, Layout::kContiguous, 1, 1, 1, 21);
    Array one = gate;
    Array y = gate;
    Array dgate = gate;
    Array dup = gate;
    for (int at : {3, 19}) {  // in a vector and in what is left of one
      for (double value : {std::nan(""), double{INFINITY}}) {
        for (int64_t i = 0; i < gate.size(); i++) {
          gate.set(i, i == at ? value : 0.5);
          one.set(i, 1);
        }
        a4j_gated_silu(isa, *gate, *one, *y);
        a4j_gated_silu_gradient(isa, *gate, *one, *one, *dgate, *dup);
        for (int64_t i = 0; i < gate.size(); i++) {
          bool here = i == at;
          bool same = std::isnan(value) ? std::isnan(y.at(i)) : std::isinf(y.at(i));
          CHECK(same == here, "isa %d, %g at %d: y[%d] = %g", isa, value, at, (int)i, y.at(i));
          CHECK(std::isfinite(dup.at(i)) != here, "isa %d: dup[%d] = %g", isa, (int)i, dup.at(i));
          CHECK(std::isnan(dgate.at(i)) == here, "isa %d: dgate[%d] = %g", isa, (int)i,
                dgate.at(i));
        }
        a4j_rms_norm(isa, 1e-5, *gate, *one, *y);
        CHECK(std::isnan(y.at(at)), "isa %d, %g at %d: y[%d] = %g", isa, value, at, at, y.at(at));
        double sum;
        a4j_sum_of_squares(isa, *gate, &sum);
        CHECK(!std::isfinite(sum), "isa %d: %g", isa, sum);
        const a4j_adamw_step step = {1e-2, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05, 1};
        Array p = one;
        Array m = one;
        Array v = one;
        a4j_adamw(isa, &step, *p, *gate, *m, *v);
        for (int64_t i = 0; i < gate.size(); i++) {
          bool lost = !std::isfinite(p.at(i)) || !std::isfinite(m.at(i));
          CHECK(lost == (i == at), "isa %d: p[%d] = %g", isa, (int)i, p.at(i));
        }
      }
    }
  }
}

void anyNumberOfThreadsGivesTheSameBits() {
  for (int isa : instructionSets()) {
    std::mt19937 random(7);
    Case c = {isa, A4J_FLOAT32, Layout::kContiguous, 500, 257};
    Array x = c.array().fill(random, 1);
    Array dy = c.array().fill(random, 1);
    Array gain = Array(c.type, Layout::kContiguous, 1, 1, 1, c.columns).fill(random, 1);
    Array dx[] = {c.array(), c.array()};
    Array dgain[] = {gain, gain};
    double sums[2];
    for (int run = 0; run < 2; run++) {
      a4j_set_threads(run == 0 ? 1 : 5);
      a4j_rms_norm_gradient(isa, 1e-5, *x, *gain, *dy, *dx[run], *dgain[run]);
      a4j_sum_of_squares(isa, *x, &sums[run]);
    }
    CHECK(dx[0].sameBytes(dx[1]), "isa %d", isa);
    CHECK(dgain[0].sameBytes(dgain[1]), "isa %d", isa);
    CHECK(sums[0] == sums[1], "isa %d: %.17g and %.17g", isa, sums[0], sums[1]);
  }
}

}  // namespace

int main() {
  a4j_set_threads(3);
  everyCase(rmsNorm);
  everyCase(gatedSilu);
  arraysOfOneShapeMayDifferInLayout();
  everyCase(rotary);
  everyCase(adamW);
  everyCase(sumOfSquares);
  notANumberAndInfinityComeThrough();
  anyNumberOfThreadsGivesTheSameBits();
  return result("companions");
}
