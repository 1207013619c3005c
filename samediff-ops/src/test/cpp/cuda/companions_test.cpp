// The CUDA kernels of the ops around attention on an emulated GPU, against plain loops in double:
// every type, strides, odd lengths.
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "../check.h"
#include "companion_kernels.h"

namespace a4j_test {
namespace {

using emulator::companions;

constexpr int kTypes[] = {kFloat32, kBfloat16, kFloat16, kFloat64};

// Elements of a type in a layout: dense, transposed or with gaps.
class Elements {
 public:
  Elements(int type, int layout, a4j_int64 rows, a4j_int64 columns)
      : rows_(rows), columns_(columns) {
    const a4j_int64 width = layout == 1 ? 1 : layout == 2 ? 3 : 1;
    array_.stride[3] = layout == 1 ? rows : width;
    array_.stride[2] = layout == 1 ? 1 : columns * width + (layout == 2 ? 5 : 0);
    array_.type = type;
    memory_.assign(static_cast<size_t>((rows - 1) * array_.stride[2] +
                                       (columns - 1) * array_.stride[3] + 1),
                   -7.0e77);
    array_.data = reinterpret_cast<a4j_address>(memory_.data());
  }
  Elements(const Elements& other)
      : array_(other.array_), memory_(other.memory_), rows_(other.rows_), columns_(other.columns_) {
    array_.data = reinterpret_cast<a4j_address>(memory_.data());
  }

  const ::Array& array() const { return array_; }
  a4j_int64 size() const { return rows_ * columns_; }
  double at(a4j_int64 i) const { return companions().load(array_, offset(i)); }
  void set(a4j_int64 i, double x) { companions().store(array_, offset(i), x); }
  Elements& fill(std::mt19937& random, double scale) {
    std::normal_distribution<double> normal(0, scale);
    for (a4j_int64 i = 0; i < size(); i++) {
      set(i, normal(random));
    }
    return *this;
  }
  void shape(a4j_int64 (&shape)[4]) const {
    shape[0] = shape[1] = 1;
    shape[2] = rows_;
    shape[3] = columns_;
  }

 private:
  a4j_int64 offset(a4j_int64 i) const {
    return i / columns_ * array_.stride[2] + i % columns_ * array_.stride[3];
  }

  ::Array array_ = {};
  std::vector<double> memory_;
  a4j_int64 rows_;
  a4j_int64 columns_;
};

struct Case {
  int type;
  int layout;
  a4j_int64 rows;
  a4j_int64 columns;

  Elements elements() const { return Elements(type, layout, rows, columns); }
  int grid() const { return static_cast<int>((rows * columns + 255) / 256); }
  bool wide() const { return type == kFloat64; }
  int wideType() const { return wide() ? kFloat64 : kFloat32; }
};

// 2e-6 of the expected value, or of `scale` where terms cancel, and half a place of the type.
void check(const Case& c, const char* what, a4j_int64 i, double x, double expected, double scale) {
  const double place = c.type == kBfloat16 ? 0x1p-8 : c.type == kFloat16 ? 0x1p-11 : 0;
  const double most = std::max(std::fabs(expected), scale);
  const double allowed =
      (c.wide() ? 1e-13 : 2e-6) * most + place * std::fabs(expected) * 1.01 + 0x1p-24 * (place > 0);
  CHECK(std::fabs(x - expected) <= allowed, "%s[%d] = %g, expected %g: type %d, layout %d, %d x %d",
        what, static_cast<int>(i), x, expected, c.type, c.layout, static_cast<int>(c.rows),
        static_cast<int>(c.columns));
}

void convert(const Case& c) {
  std::mt19937 random(1);
  const Elements from = c.elements().fill(random, 1);
  for (int type : kTypes) {
    Elements to(type, 0, c.rows, c.columns);
    ConvertParameters p = {from.array(), to.array(), {}};
    from.shape(p.shape);
    emulator::launchKernel(companions().convert, 1, p);
    Elements exact = to;
    for (a4j_int64 i = 0; i < from.size(); i++) {
      exact.set(i, from.at(i));
      CHECK(to.at(i) == exact.at(i), "%g of %g, type %d to %d", to.at(i), from.at(i), c.type, type);
    }
  }
  Elements row(c.type, 0, 1, c.columns);
  row.fill(random, 1);
  Elements spread = c.elements();
  ConvertParameters p = {row.array(), spread.array(), {}};
  p.from.stride[2] = 0;
  spread.shape(p.shape);
  emulator::launchKernel(companions().convert, 1, p);
  for (a4j_int64 i = 0; i < spread.size(); i++) {
    CHECK(spread.at(i) == row.at(i % c.columns), "spread");
  }
}

void gatedSilu(const Case& c) {
  std::mt19937 random(2);
  const Elements gate = c.elements().fill(random, 2), up = c.elements().fill(random, 1);
  const Elements dy = Elements(c.type, 0, c.rows, c.columns).fill(random, 1);
  const Elements y = c.elements(), dgate = c.elements(), dup = c.elements();
  GatedSiluParameters p = {gate.array(),  up.array(),  y.array(), dy.array(),
                           dgate.array(), dup.array(), {}};
  gate.shape(p.shape);
  emulator::launchKernel(companions().gatedSilu, c.grid(), p);
  emulator::launchKernel(companions().gatedSiluGradient, c.grid(), p);
  for (a4j_int64 i = 0; i < gate.size(); i++) {
    const double g = gate.at(i);
    const double s = 1 / (1 + std::exp(-g));
    check(c, "y", i, y.at(i), g * s * up.at(i), 0);
    check(c, "dgate", i, dgate.at(i), dy.at(i) * up.at(i) * s * (1 + g * (1 - s)),
          std::fabs(dy.at(i) * up.at(i)));
    check(c, "dup", i, dup.at(i), dy.at(i) * g * s, 0);
  }
}

void rotary(const Case& c) {
  std::mt19937 random(3);
  for (int pairing : {kHalfSplit, kInterleaved}) {
    const int pairs = static_cast<int>(c.columns + 2) / 4;
    const Elements heads = c.elements().fill(random, 1);
    const Elements turned = c.elements(), back = c.elements();
    Elements angles(c.wideType(), 0, c.rows, 2 * std::max(1, pairs));
    angles.fill(random, 1);
    for (int inverse : {0, 1}) {
      const RotaryParameters p = {heads.array(), (inverse ? back : turned).array(),
                                  angles.array().data, 1, 1, static_cast<int>(c.rows),
                                  static_cast<int>(c.columns), std::min(pairs, (int)c.columns / 2),
                                  pairing, inverse, 0};
      emulator::launchKernel(companions().rotary, c.grid(), p);
      for (a4j_int64 i = 0; i < heads.size(); i++) {
        const int d = static_cast<int>(i % c.columns);
        if (d >= 2 * p.pairs) {
          CHECK((inverse ? back : turned).at(i) == heads.at(i), "kept");
          continue;
        }
        const bool split = pairing == kHalfSplit;
        const int pair = split ? d % p.pairs : d / 2;
        const bool first = split ? d < p.pairs : d % 2 == 0;
        const double other = heads.at(i + (first ? 1 : -1) * (split ? p.pairs : 1));
        const a4j_int64 at = (i / c.columns * p.pairs + pair) * 2;
        const double cosine = angles.at(at);
        const double sine = (first == (inverse == 0) ? -1 : 1) * angles.at(at + 1);
        check(c, "turned", i, (inverse ? back : turned).at(i), heads.at(i) * cosine + other * sine,
              std::fabs(heads.at(i) * cosine) + std::fabs(other * sine));
      }
    }
  }
}

void rmsNorm(const Case& c) {
  std::mt19937 random(4);
  const Elements x = c.elements().fill(random, 1), dy = c.elements().fill(random, 1);
  const Elements gain = Elements(c.type, 0, 1, c.columns).fill(random, 1);
  const Elements y = c.elements(), dx = c.elements();
  const Elements dgain(c.type, 0, 1, c.columns);
  const int partRows = 2;
  const int parts = static_cast<int>(c.rows + partRows - 1) / partRows;
  Elements sums(c.wideType(), 0, parts, c.columns);
  RmsNormParameters p = {x.array(),  gain.array(), y.array(), dy.array(),
                         dx.array(), sums.array().data, 1e-5, {}, partRows};
  x.shape(p.shape);
  emulator::launchKernel(companions().rmsNorm, static_cast<int>(c.rows), p);
  emulator::launchKernel(companions().rmsNormGradient, parts, p);
  const SumPartsParameters sum = {dgain.array(), sums.array().data, c.columns,
                                  parts,         c.wideType(),      0};
  emulator::launchKernel(companions().sumParts, static_cast<int>(c.columns + 255) / 256, sum);
  std::vector<double> expected(static_cast<size_t>(c.columns)), scale(expected);
  for (a4j_int64 row = 0; row < c.rows; row++) {
    double squares = 0, projection = 0, largest = 0;
    for (a4j_int64 i = row * c.columns; i < (row + 1) * c.columns; i++) {
      squares += x.at(i) * x.at(i);
    }
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(c.columns) + 1e-5);
    for (a4j_int64 k = 0; k < c.columns; k++) {
      const double part = dy.at(row * c.columns + k) * gain.at(k) * x.at(row * c.columns + k) /
                          static_cast<double>(c.columns);
      projection += part;
      largest += std::fabs(part);
    }
    for (a4j_int64 k = 0; k < c.columns; k++) {
      const a4j_int64 i = row * c.columns + k;
      check(c, "y", i, y.at(i), x.at(i) * inverse * gain.at(k), 0);
      const double a = dy.at(i) * gain.at(k), b = x.at(i) * inverse * inverse;
      check(c, "dx", i, dx.at(i), inverse * (a - b * projection),
            inverse * (std::fabs(a) + std::fabs(b) * largest));
      expected[static_cast<size_t>(k)] += dy.at(i) * x.at(i) * inverse;
      scale[static_cast<size_t>(k)] += std::fabs(dy.at(i) * x.at(i) * inverse);
    }
  }
  for (a4j_int64 k = 0; k < c.columns; k++) {
    check(c, "dgain", k, dgain.at(k), expected[static_cast<size_t>(k)],
          scale[static_cast<size_t>(k)]);
  }
}

void sums(const Case& c) {
  std::mt19937 random(5);
  const Elements x = c.elements().fill(random, 1);
  const Elements total(c.type, 0, 1, c.columns);
  const int partRows = 3;
  const int parts = static_cast<int>(c.rows + partRows - 1) / partRows;
  const int blocks = static_cast<int>(c.columns + 255) / 256;
  Elements sums(c.wideType(), 0, parts, c.columns);
  ColumnSumsParameters p = {x.array(), sums.array().data, {}, partRows};
  x.shape(p.shape);
  emulator::launchKernel(companions().columnSums, blocks * parts, p);
  const SumPartsParameters sum = {total.array(), sums.array().data, c.columns,
                                  parts,         c.wideType(),      0};
  emulator::launchKernel(companions().sumParts, blocks, sum);
  for (a4j_int64 k = 0; k < c.columns; k++) {
    double expected = 0, scale = 0;
    for (a4j_int64 row = 0; row < c.rows; row++) {
      expected += x.at(row * c.columns + k);
      scale += std::fabs(x.at(row * c.columns + k));
    }
    check(c, "column", k, total.at(k), expected, scale);
  }

  // Of squares: the same bits in any layout.
  double results[2];
  for (int dense = 0; dense < 2; dense++) {
    Elements copy(c.type, dense ? 0 : c.layout, dense ? 1 : c.rows,
                  dense ? x.size() : c.columns);
    for (a4j_int64 i = 0; i < x.size(); i++) {
      copy.set(i, x.at(i));
    }
    const int squareParts = static_cast<int>((x.size() + 8191) / 8192);
    std::vector<double> partial(static_cast<size_t>(squareParts));
    SumOfSquaresParameters s = {copy.array(), reinterpret_cast<a4j_address>(partial.data()), {}};
    copy.shape(s.shape);
    emulator::launchKernel(companions().sumOfSquares, squareParts, s);
    const Elements result(kFloat64, 0, 1, 1);
    const SumPartsParameters q = {result.array(), s.parts, 1, squareParts, kFloat64, 0};
    emulator::launchKernel(companions().sumParts, 1, q);
    results[dense] = result.at(0);
  }
  double expected = 0;
  for (a4j_int64 i = 0; i < x.size(); i++) {
    expected += x.at(i) * x.at(i);
  }
  CHECK(std::fabs(results[0] - expected) <= 1e-13 * expected, "%g, not %g", results[0], expected);
  CHECK(results[0] == results[1], "%.17g and %.17g", results[0], results[1]);
}

void adamW(const Case& c) {
  std::mt19937 random(6);
  const Elements p = c.elements().fill(random, 1), g = c.elements().fill(random, 1);
  const Elements m = c.elements().fill(random, 0.1);
  Elements v = c.elements().fill(random, 0.1);
  for (a4j_int64 i = 0; i < v.size(); i++) {
    v.set(i, v.at(i) * v.at(i));
  }
  const Elements oldP = p, oldM = m, oldV = v;
  AdamWParameters step = {p.array(), g.array(), m.array(), v.array(), {}, 1e-2, 0.9, 0.95,
                          1e-8,      0.1,       1 - 0.9 * 0.9, 1 - 0.95 * 0.95, 0.5};
  p.shape(step.shape);
  emulator::launchKernel(companions().adamw, c.grid(), step);
  for (a4j_int64 i = 0; i < p.size(); i++) {
    const double gradient = g.at(i) * step.gradient_scale;
    const double first = step.beta1 * oldM.at(i) + (1 - step.beta1) * gradient;
    const double second = step.beta2 * oldV.at(i) + (1 - step.beta2) * gradient * gradient;
    const double update = step.learning_rate * first / step.first_correction /
                          (std::sqrt(second / step.second_correction) + step.epsilon);
    const double kept = oldP.at(i) * (1 - step.learning_rate * step.weight_decay);
    check(c, "m", i, m.at(i), first, std::fabs(oldM.at(i)) + std::fabs(gradient));
    check(c, "v", i, v.at(i), second, 0);
    check(c, "p", i, p.at(i), kept - update, std::fabs(kept) + std::fabs(update));
  }
}

// In chunks of columns that do not divide the vocabulary.
void crossEntropy(const Case& c) {
  std::mt19937 random(7);
  const Case wide = {c.wideType(), c.layout, c.rows, c.columns};
  const Elements logits = wide.elements().fill(random, 20);
  const Elements weights = Elements(c.type, 2, c.rows, 1).fill(random, 1);
  Elements losses(c.wideType(), 2, c.rows, 1), sums(c.wideType(), 0, c.rows, 1);
  const Elements gradient = c.elements();
  std::vector<int> targets;
  for (a4j_int64 row = 0; row < c.rows; row++) {
    targets.push_back(row % 4 == 3 ? -100 : static_cast<int>(random() % c.columns));
  }
  Elements maxima = sums, parts = sums, found = sums;
  const a4j_int64 chunk = c.columns / 3 + 1;
  auto chunkAt = [&](a4j_int64 first) {
    CrossEntropyParameters p = {logits.array(), gradient.array(), losses.array(), sums.array(),
                                weights.array(), reinterpret_cast<a4j_address>(targets.data()),
                                maxima.array().data, parts.array().data, found.array().data,
                                c.rows, first, std::min(chunk, c.columns - first), first == 0,
                                c.wideType()};
    const int width = c.wide() ? 8 : 4;
    const int narrow = c.wide() ? 8 : c.type == kFloat32 ? 4 : 2;
    p.logits.data += static_cast<a4j_address>(first * p.logits.stride[3] * width);
    p.logit_gradient.data += static_cast<a4j_address>(first * p.logit_gradient.stride[3] * narrow);
    for (::Array* rows : {&p.losses, &p.log_sum_exp, &p.loss_gradients}) {
      rows->stride[3] = rows->stride[2];
      rows->stride[2] = 0;
    }
    return p;
  };
  const int rows = static_cast<int>(c.rows);
  for (a4j_int64 first = 0; first < c.columns; first += chunk) {
    emulator::launchKernel(companions().crossEntropyStatistics, rows, chunkAt(first));
  }
  emulator::launchKernel(companions().crossEntropyFinish, (rows + 255) / 256, chunkAt(0));
  for (a4j_int64 first = 0; first < c.columns; first += chunk) {
    emulator::launchKernel(companions().crossEntropyGradient, rows, chunkAt(first));
  }
  for (a4j_int64 row = 0; row < c.rows; row++) {
    const int target = targets[static_cast<size_t>(row)];
    double largest = -INFINITY, sum = 0;
    for (a4j_int64 i = row * c.columns; i < (row + 1) * c.columns; i++) {
      largest = std::max(largest, logits.at(i));
    }
    for (a4j_int64 i = row * c.columns; i < (row + 1) * c.columns; i++) {
      sum += std::exp(logits.at(i) - largest);
    }
    const double logSumExp = target < 0 ? 0 : largest + std::log(sum);
    const double loss = target < 0 ? 0 : logSumExp - logits.at(row * c.columns + target);
    check(wide, "log-sum-exp", row, sums.at(row), logSumExp, 0);
    check(wide, "loss", row, losses.at(row), loss, std::fabs(logSumExp));
    for (a4j_int64 k = 0; k < c.columns; k++) {
      const a4j_int64 i = row * c.columns + k;
      const double expected =
          target < 0 ? 0 : weights.at(row) * (std::exp(logits.at(i) - logSumExp) - (k == target));
      check(c, "gradient", i, gradient.at(i), expected, 20 * std::fabs(weights.at(row)));
    }
  }
}

void angles() {
  const int positions[] = {0, 1, 131071, 126976, 5, 7};  // two rows of three
  const double frequencies[] = {1, 1e-4, 0.5, 2e-3};
  for (int type : {kFloat32, kFloat64}) {
    const Elements table(type, 0, 6, 4);
    const RotaryAnglesParameters p = {reinterpret_cast<a4j_address>(positions),
                                      reinterpret_cast<a4j_address>(frequencies),
                                      table.array().data, 1.25, 12, 3, 2, type, 0};
    emulator::launchKernel(companions().rotaryAngles, 1, p);
    for (int i = 0; i < 12; i++) {
      const double angle = positions[i / 2] * frequencies[i / 6 * 2 + i % 2];
      const double allowed = type == kFloat32 ? 1e-7 : 0;
      CHECK(std::fabs(table.at(2 * i) - 1.25 * std::cos(angle)) <= allowed, "cosine %d", i);
      CHECK(std::fabs(table.at(2 * i + 1) - 1.25 * std::sin(angle)) <= allowed, "sine %d", i);
    }
  }
}

// NaN and infinity come through, and no further than their element or row.
void notANumberComesThrough() {
  Elements gate(kFloat32, 0, 2, 21), one(kFloat32, 0, 2, 21);
  const Elements y(kFloat32, 0, 2, 21), gain(one);
  for (a4j_int64 i = 0; i < gate.size(); i++) {
    gate.set(i, i == 3 ? NAN : 0.5);
    one.set(i, 1);
  }
  GatedSiluParameters p = {gate.array(), one.array(), y.array(), {}, {}, {}, {}};
  gate.shape(p.shape);
  emulator::launchKernel(companions().gatedSilu, 1, p);
  for (a4j_int64 i = 0; i < y.size(); i++) {
    CHECK(std::isnan(y.at(i)) == (i == 3), "silu %d", static_cast<int>(i));
  }
  RmsNormParameters norm = {gate.array(), one.array(), y.array(), {}, {}, 0, 1e-5, {}, 0};
  gate.shape(norm.shape);
  emulator::launchKernel(companions().rmsNorm, 2, norm);
  for (a4j_int64 i = 0; i < y.size(); i++) {
    CHECK(std::isnan(y.at(i)) == (i < 21), "norm %d", static_cast<int>(i));
  }
}

}  // namespace
}  // namespace a4j_test

int main() {
  using namespace a4j_test;
  const a4j_int64 sizes[][2] = {{1, 1}, {3, 7}, {9, 64}, {5, 300}, {2, 2050}};
  for (int type : kTypes) {
    for (int layout = 0; layout < 3; layout++) {
      for (auto& size : sizes) {
        if (brief() && size[0] != 5) {
          continue;
        }
        const Case c = {type, layout, size[0], size[1]};
        convert(c);
        gatedSilu(c);
        rotary(c);
        rmsNorm(c);
        sums(c);
        adamW(c);
        crossEntropy(c);
      }
    }
  }
  angles();
  notANumberComesThrough();
  return result("cuda companions");
}
