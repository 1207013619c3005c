// Hands a Problem to kernels in the C interface's form and compares what they return.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "attention_problem.h"
#include "check.h"

namespace a4j_test {

// Of a sum of products of pairs of bfloat16, relative to its parts: 2^-16, and parts may be several
// times the largest score.
constexpr double kPairScoreError = 4.0 / (1 << 16);

// An attention as kernels get it, with the problem that it is of.
struct Described : a4j_attention {
  const Problem* problem;
};

// Kernels under test.
struct Kernels {
  std::string name;
  std::function<int(const a4j_attention*)> forward;
  std::function<int(const a4j_attention*)> backward;
  // What a score is off by at most, relative to the largest: a few of float32's last places.
  double scoreError = 4.0 / (1 << 24);
  // The same for compensated scores, where they are made of pairs of bfloat16.
  double compensatedScoreError = scoreError;
};

inline const char* precisionName(int precision) {
  const char* names[] = {"float32", "bfloat16", "bfloat16-compensated"};
  return names[precision];
}

// The arrays and the mask of a problem, and the results of the kernels that ran on them.
class Run {
 public:
  Run(const Problem& problem, int precision) : p_(problem) {
    const int64_t b = p_.batch, h = p_.heads, kv = p_.kvHeads, d = p_.headDim;
    const int64_t queryShape[4] = {b, h, p_.queries, d};
    const int64_t keyShape[4] = {b, kv, p_.tokens, d};
    const int64_t sumsShape[4] = {1, b, h, p_.queries};
    // Results never share memory.
    Layout results = p_.layout == Layout::kBroadcast ? Layout::kDense : p_.layout;
    for (Array* input : {&query_, &outputGradient_}) {
      *input = Array(queryShape, p_.type, p_.layout);
    }
    for (Array* input : {&key_, &value_}) {
      *input = Array(keyShape, p_.type, p_.layout);
    }
    for (Array* result : {&output, &queryGradient}) {
      *result = Array(queryShape, p_.type, results);
    }
    for (Array* result : {&keyGradient, &valueGradient}) {
      *result = Array(keyShape, p_.type, results);
    }
    logSumExp = Array(sumsShape, A4J_FLOAT32, results);
    query_.fill(p_.query);
    key_.fill(p_.key);
    value_.fill(p_.value);
    outputGradient_.fill(p_.outputGradient);
    planMask();

    attention_ = {};
    attention_.problem = &p_;
    attention_.precision = precision;
    attention_.causal = p_.causal;
    attention_.window = p_.window;
    attention_.scale = p_.scale;
    attention_.pairing = p_.pairing;
    attention_.rotary_pairs = p_.rotaryPairs;
    attention_.angles = p_.angles.data();
    attention_.slopes = p_.alibi ? p_.slopes.data() : nullptr;
    attention_.positions = p_.positions.data();
    attention_.tokens = tokens_.data();
    attention_.spans = spans_.data();
    attention_.span_starts = spanStarts_.data();
    attention_.anchors = anchors_.data();
    attention_.query = query_.describe();
    attention_.key = key_.describe();
    attention_.value = value_.describe();
    attention_.output = output.describe();
    attention_.log_sum_exp = logSumExp.describe();
    attention_.output_gradient = outputGradient_.describe();
    attention_.query_gradient = queryGradient.describe();
    attention_.key_gradient = keyGradient.describe();
    attention_.value_gradient = valueGradient.describe();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Forward, then backward.
  void by(const Kernels& kernels) {
    int status = kernels.forward(&attention_);
    CHECK(status == A4J_OK, "%s forward: %d", kernels.name.c_str(), status);
    status = kernels.backward(&attention_);
    CHECK(status == A4J_OK, "%s backward: %d", kernels.name.c_str(), status);
  }

  const a4j_attention& attention() const { return attention_; }

  bool canariesAlive() const {
    for (const Array* array : {&query_, &key_, &value_, &outputGradient_, &output, &logSumExp,
                               &queryGradient, &keyGradient, &valueGradient}) {
      if (!array->canariesAlive()) {
        return false;
      }
    }
    return true;
  }

  bool sameBits(const Run& other) const {
    return output.bytes() == other.output.bytes() && logSumExp.bytes() == other.logSumExp.bytes() &&
           queryGradient.bytes() == other.queryGradient.bytes() &&
           keyGradient.bytes() == other.keyGradient.bytes() &&
           valueGradient.bytes() == other.valueGradient.bytes();
  }

  Array output;
  Array logSumExp;
  Array queryGradient;
  Array keyGradient;
  Array valueGradient;

 private:
  // What io.anchor4j.attention.DocumentMask gives to the kernels.
  void planMask() {
    tokens_.assign(static_cast<size_t>(p_.batch * p_.tokens), -1);
    spanStarts_.push_back(0);
    for (int b = 0; b < p_.batch; b++) {
      std::vector<int> order;
      if (p_.mask == Mask::kAnchor) {
        order.push_back(0);
      }
      for (int t = 0; t < p_.tokens; t++) {
        int document = documentOf(b, t);
        if (document != -1 && std::find(order.begin(), order.end(), document) == order.end()) {
          order.push_back(document);
        }
      }
      int end = 0;
      int32_t anchors = 0;
      for (int document : order) {
        int start = end;
        for (int t = 0; t < p_.tokens; t++) {
          if (documentOf(b, t) == document) {
            tokens_[static_cast<size_t>(b * p_.tokens + end++)] = t;
          }
        }
        bool areAnchors = p_.mask == Mask::kAnchor && document == 0;
        if (areAnchors) {
          anchors = end;
        }
        if (end > start) {
          spans_.push_back({start, end, p_.mask == Mask::kAnchor && !areAnchors,
                            p_.mask == Mask::kFull || document != 0});
        }
      }
      anchors_.push_back(anchors);
      spanStarts_.push_back(static_cast<int32_t>(spans_.size()));
    }
  }

  int documentOf(int b, int t) const {
    int document = p_.document(b, t);
    return p_.mask == Mask::kFull && document != -1 ? 1 : document;
  }

  const Problem& p_;
  Array query_;
  Array key_;
  Array value_;
  Array outputGradient_;
  std::vector<int32_t> tokens_;
  std::vector<a4j_span> spans_;
  std::vector<int32_t> spanStarts_;
  std::vector<int32_t> anchors_;
  Described attention_;
};

inline double largest(const Dense& x) {
  double most = 0;
  for (double v : x.at) {
    if (std::isfinite(v)) {
      most = std::max(most, std::abs(v));
    }
  }
  return most;
}

// The largest difference; what is infinite in one and not the same in the other is infinitely far.
inline double difference(const Dense& x, const Dense& y) {
  double most = 0;
  for (size_t i = 0; i < x.at.size(); i++) {
    double apart = x.at[i] == y.at[i] ? 0 : std::abs(x.at[i] - y.at[i]);
    most = std::isnan(apart) ? INFINITY : std::max(most, apart);
  }
  return most;
}

// The project's rule: in float32 within 1e-5 of the result's scale, otherwise within `factor` times
// the error of the plain version of the same precision. `more` adds to the 1e-5, and `part` is the
// scale of what the result is a difference of.
inline void checkClose(const char* what, const std::string& where, Array& result,
                       const Dense& exact, const Dense& plain, double factor, double more,
                       double part = 0) {
  double scale = std::max(1.0, largest(exact));
  double allowed = factor * difference(plain, exact) + (1e-5 + more) * scale + 1e-5 * part;
  double error = difference(result.read(), exact);
  CHECK(error <= allowed, "%s: %g, allowed %g: %s", what, error, allowed, where.c_str());
}

// Compares kernels with the rules in one precision.
inline void checkAgainst(const Problem& problem, int precision, const Solution& exact,
                         const Solution& plain, const Kernels& kernels) {
  Run run(problem, precision);
  run.by(kernels);
  std::string where = kernels.name + " " + precisionName(precision) + " " + problem.name();
  CHECK(run.canariesAlive(), "%s", where.c_str());
  // A result is known to its type's last place.
  double more =
      exact.largestScore *
      (precision == A4J_PRECISION_COMPENSATED ? kernels.compensatedScoreError : kernels.scoreError);
  double scoreError = precision == A4J_PRECISION_BFLOAT16 ? 0 : more;
  more += problem.type == A4J_BFLOAT16 ? 1.0 / 256 : problem.type == A4J_FLOAT16 ? 1.0 / 2048 : 0;
  checkClose("output", where, run.output, exact.output, plain.output, 2, more);
  checkClose("log-sum-exp", where, run.logSumExp, exact.logSumExp, plain.logSumExp, 2, scoreError);
  checkClose("query gradient", where, run.queryGradient, exact.queryGradient, plain.queryGradient,
             3, more);
  checkClose("key gradient", where, run.keyGradient, exact.keyGradient, plain.keyGradient, 3, more,
             problem.loudness);
  checkClose("value gradient", where, run.valueGradient, exact.valueGradient, plain.valueGradient,
             3, more);
  // Padding gives and takes exactly nothing.
  for (Array* result : {&run.output, &run.queryGradient, &run.keyGradient, &run.valueGradient}) {
    Dense x = result->read();
    int first = problem.tokens - static_cast<int>(x.shape[2]);
    for (int b = 0; b < problem.batch; b++) {
      for (int t = first; t < problem.tokens; t++) {
        for (int h = 0; h < x.shape[1] && problem.document(b, t) == -1; h++) {
          for (int c = 0; c < problem.headDim; c++) {
            CHECK(x.row(b, h, t - first)[c] == 0, "padding: %s", where.c_str());
          }
        }
      }
    }
  }
}

// Compares all kernels with the rules in every precision.
inline void checkAll(const Problem& problem, const std::vector<Kernels>& all) {
  const Solution exact = Reference(problem, Rounding()).solve();
  for (int precision = 0; precision < 3; precision++) {
    Solution plain = Reference(problem, Rounding::of(precision, problem.type)).solve();
    for (const Kernels& kernels : all) {
      checkAgainst(problem, precision, exact, plain, kernels);
    }
  }
}

}  // namespace a4j_test
