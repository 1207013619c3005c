// Attention problems of any shape, mask, layout and type for the tests, and the rules of attention
// written out in double: what every kernel is compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "anchor4j.h"
#include "arrays.h"

namespace a4j_test {

// Four-dimensional numbers, row-major.
struct Dense {
  int64_t shape[4];
  std::vector<double> at;

  Dense() : Dense(0, 0, 0, 0) {}
  Dense(int64_t a, int64_t b, int64_t c, int64_t d)
      : shape{a, b, c, d}, at(static_cast<size_t>(a * b * c * d)) {}

  double* row(int64_t i0, int64_t i1, int64_t i2) {
    return at.data() + ((i0 * shape[1] + i1) * shape[2] + i2) * shape[3];
  }
  const double* row(int64_t i0, int64_t i1, int64_t i2) const {
    return const_cast<Dense*>(this)->row(i0, i1, i2);
  }
};

enum class Layout { kDense, kTokensFirst, kTransposed, kGaps, kBroadcast };

// An array as a kernel gets it. Every byte that is no element holds kCanary; under the address
// sanitizer nothing lies around the elements, otherwise canaries do.
class Array {
 public:
  static constexpr unsigned char kCanary = 0xa5;

  Array() = default;

  Array(const int64_t (&shape)[4], int32_t type, Layout layout) {
    array_ = {};
    array_.type = type;
    // The order of dimensions from the slowest to the fastest.
    const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 1, 3, 2}, {0, 1, 2, 3}, {0, 1, 2, 3}};
    const int* order = orders[static_cast<int>(layout)];
    int64_t stride = layout == Layout::kGaps ? 3 : 1;
    for (int i = 3; i >= 0; i--) {
      array_.shape[order[i]] = shape[order[i]];
      array_.stride[order[i]] = stride;
      stride *= shape[order[i]];
      if (layout == Layout::kGaps) {
        stride += 5;
      }
    }
    if (layout == Layout::kBroadcast) {
      array_.stride[0] = 0;
    }
    int64_t elements = 1;
    for (int i = 0; i < 4; i++) {
      elements += (shape[i] - 1) * array_.stride[i];
    }
    width_ = type == A4J_FLOAT32 ? 4 : 2;
#if defined(__SANITIZE_ADDRESS__)
    const size_t margin = 0;
#else
    const size_t margin = 256;
#endif
    memory_.assign(static_cast<size_t>(elements) * width_ + 2 * margin, kCanary);
    margin_ = margin;
  }

  // The description, valid until this is moved or copied.
  a4j_array describe() {
    a4j_array array = array_;
    array.data = memory_.data() + margin_;
    return array;
  }

  void fill(const Dense& values) {
    each([&](size_t i, unsigned char* element) { write(element, values.at[i]); });
  }

  Dense read() {
    Dense values(array_.shape[0], array_.shape[1], array_.shape[2], array_.shape[3]);
    each([&](size_t i, unsigned char* element) { values.at[i] = readOne(element); });
    return values;
  }

  // Whether all that is no element is untouched.
  bool canariesAlive() const {
    std::vector<bool> element(memory_.size());
    const_cast<Array*>(this)->each([&](size_t, unsigned char* at) {
      for (size_t i = 0; i < width_; i++) {
        element[static_cast<size_t>(at - memory_.data()) + i] = true;
      }
    });
    for (size_t i = 0; i < memory_.size(); i++) {
      if (!element[i] && memory_[i] != kCanary) {
        return false;
      }
    }
    return true;
  }

  const std::vector<unsigned char>& bytes() const { return memory_; }

 private:
  template <class F>
  void each(F&& f) {
    size_t i = 0;
    for (int64_t i0 = 0; i0 < array_.shape[0]; i0++) {
      for (int64_t i1 = 0; i1 < array_.shape[1]; i1++) {
        for (int64_t i2 = 0; i2 < array_.shape[2]; i2++) {
          for (int64_t i3 = 0; i3 < array_.shape[3]; i3++) {
            int64_t at = i0 * array_.stride[0] + i1 * array_.stride[1] + i2 * array_.stride[2] +
                         i3 * array_.stride[3];
            f(i++, memory_.data() + margin_ + static_cast<size_t>(at) * width_);
          }
        }
      }
    }
  }

  void write(unsigned char* to, double x) const {
    float wide = static_cast<float>(x);
    uint16_t narrow = array_.type == A4J_FLOAT16 ? a4j::float16Of(wide) : a4j::bfloat16Of(wide);
    std::memcpy(to, width_ == 4 ? static_cast<void*>(&wide) : &narrow, width_);
  }

  double readOne(const unsigned char* from) const {
    float wide;
    uint16_t narrow;
    std::memcpy(width_ == 4 ? static_cast<void*>(&wide) : &narrow, from, width_);
    return width_ == 4                  ? wide
           : array_.type == A4J_FLOAT16 ? a4j::floatOfFloat16(narrow)
                                        : a4j::floatOfBfloat16(narrow);
  }

  a4j_array array_ = {};
  size_t width_ = 4;
  size_t margin_ = 0;
  std::vector<unsigned char> memory_;
};

enum class Mask { kFull, kIntraDocument, kAnchor };

// One attention with everything that defines it; documents as in io.anchor4j.attention.
struct Problem {
  int batch = 1;
  int heads = 1;
  int kvHeads = 1;
  int queries = 1;
  int tokens = 1;
  int headDim = 8;
  Mask mask = Mask::kFull;
  bool causal = true;
  int window = 0;
  bool alibi = false;
  int pairing = A4J_HALF_SPLIT;
  int rotaryPairs = 0;
  float scale = 1;
  int32_t type = A4J_FLOAT32;
  Layout layout = Layout::kDense;
  double loudness = 1;  // of queries: what makes scores large
  uint64_t seed = 1;

  std::vector<int> documents;      // [B][T]
  std::vector<int32_t> positions;  // [B][T]
  std::vector<float> angles;
  std::vector<float> slopes;
  Dense query;
  Dense key;
  Dense value;
  Dense outputGradient;

  std::string name() const {
    const char* masks[] = {"full", "intra-document", "anchor"};
    char text[256];
    std::snprintf(text, sizeof text,
                  "B=%d H=%d Hkv=%d Tq=%d T=%d D=%d %s causal=%d window=%d alibi=%d pairing=%d "
                  "pairs=%d type=%d layout=%d loudness=%g seed=%llu",
                  batch, heads, kvHeads, queries, tokens, headDim, masks[static_cast<int>(mask)],
                  causal, window, alibi, pairing, rotaryPairs, type, static_cast<int>(layout),
                  loudness, static_cast<unsigned long long>(seed));
    return text;
  }

  int document(int b, int t) const { return documents[static_cast<size_t>(b * tokens + t)]; }

  // The whole mask: query token q of row b sees key token k.
  bool visible(int b, int q, int k) const {
    int queryDocument = document(b, q);
    int keyDocument = document(b, k);
    if (queryDocument == -1 || keyDocument == -1 || (causal && k > q)) {
      return false;
    }
    bool stays = mask != Mask::kFull && keyDocument == 0;
    if (window > 0 && std::abs(q - k) >= window && !stays) {
      return false;
    }
    return mask == Mask::kFull || keyDocument == queryDocument ||
           (mask == Mask::kAnchor && keyDocument == 0);
  }

  // Fills positions, angles, slopes and the arrays from the seed; `documents` must be there.
  void draw() {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    positions.resize(documents.size());
    bool perDocument = random() % 2 == 0;
    int offset = random() % 3 == 0 ? 126976 : 0;
    for (int b = 0; b < batch; b++) {
      std::map<int, int> counted;
      for (int t = 0; t < tokens; t++) {
        positions[static_cast<size_t>(b * tokens + t)] =
            offset + (perDocument ? counted[document(b, t)]++ : t);
      }
    }
    angles.clear();
    for (int32_t position : positions) {
      for (int i = 0; i < rotaryPairs; i++) {
        double angle = position * std::pow(10000.0, -static_cast<double>(i) / rotaryPairs);
        angles.push_back(static_cast<float>(std::cos(angle)));
        angles.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    slopes.clear();
    for (int h = 0; alibi && h < heads; h++) {
      slopes.push_back(static_cast<float>(std::exp2(-8.0 * (h + 1) / heads)));
    }
    // Numbers that the arrays' type holds, so that all compute on the same.
    auto drawn = [&](int headCount, int count, double loud, bool input) {
      Dense dense(batch, headCount, count, headDim);
      for (double& x : dense.at) {
        x = normal(random) * loud;
      }
      Array array(dense.shape, type, input ? layout : Layout::kDense);
      array.fill(dense);
      return array.read();
    };
    query = drawn(heads, queries, loudness, true);
    key = drawn(kvHeads, tokens, 1, true);
    value = drawn(kvHeads, tokens, 1, true);
    outputGradient = drawn(heads, queries, 1, true);
  }
};

// What a precision does to operands of the products, as in io.anchor4j.attention.Precision.
struct Rounding {
  bool scores = false;  // bfloat16 queries and keys
  bool others = false;  // bfloat16 weights, values and gradients
  int32_t stored = -1;  // results rounded to this type, -1 for none

  static Rounding of(int precision, int32_t type) {
    Rounding rounding;
    rounding.scores = precision == A4J_PRECISION_BFLOAT16;
    rounding.others = precision != A4J_PRECISION_FLOAT32;
    rounding.stored = type;
    return rounding;
  }

  static double bfloat16(bool rounds, double x) {
    return rounds ? a4j::floatOfBfloat16(a4j::bfloat16Of(static_cast<float>(x))) : x;
  }
  double score(double x) const { return bfloat16(scores, x); }
  double other(double x) const { return bfloat16(others, x); }
  double store(double x) const {
    return stored == A4J_BFLOAT16  ? bfloat16(true, x)
           : stored == A4J_FLOAT16 ? a4j::floatOfFloat16(a4j::float16Of(static_cast<float>(x)))
                                   : x;
  }
};

struct Solution {
  Dense output;
  Dense logSumExp;  // [1, B, H, Tq]
  Dense queryGradient;
  Dense keyGradient;
  Dense valueGradient;
  double largestScore = 0;
};

// The rules a query at a time, in double but for what `rounding` rounds.
class Reference {
 public:
  Reference(const Problem& problem, const Rounding& rounding) : p_(problem), rounding_(rounding) {
    queries_ = turned(p_.query, p_.tokens - p_.queries, 1);
    keys_ = turned(p_.key, 0, 1);
    constexpr double kLog2E = 1.4426950408889634;
    for (double x : queries_.at) {
      scaledQueries_.push_back(rounding_.score(x * p_.scale * kLog2E));
    }
    for (double x : keys_.at) {
      scoreKeys_.push_back(rounding_.score(x));
    }
  }

  Solution solve() {
    const int d = p_.headDim;
    Solution s;
    s.output = Dense(p_.batch, p_.heads, p_.queries, d);
    s.logSumExp = Dense(1, p_.batch, p_.heads, p_.queries);
    s.queryGradient = s.output;
    s.keyGradient = Dense(p_.batch, p_.kvHeads, p_.tokens, d);
    s.valueGradient = s.keyGradient;
    for (int b = 0; b < p_.batch; b++) {
      for (int h = 0; h < p_.heads; h++) {
        for (int t = 0; t < p_.queries; t++) {
          one(b, h, t, s);
        }
      }
    }
    s.queryGradient = turned(s.queryGradient, p_.tokens - p_.queries, -1);
    s.keyGradient = turned(s.keyGradient, 0, -1);
    for (Dense* stored : {&s.output, &s.queryGradient, &s.keyGradient, &s.valueGradient}) {
      for (double& x : stored->at) {
        x = rounding_.store(x);
      }
    }
    return s;
  }

 private:
  void one(int b, int h, int t, Solution& s) {
    const int d = p_.headDim;
    const int kv = h / (p_.heads / p_.kvHeads);
    const int q = p_.tokens - p_.queries + t;
    const double ln2 = 0.6931471805599453;
    const double* scaled = scaledQueries_.data() + (queries_.row(b, h, t) - queries_.at.data());
    std::vector<int> seen;
    std::vector<double> weights;
    double top = -INFINITY;
    for (int k = 0; k < p_.tokens; k++) {
      if (!p_.visible(b, q, k)) {
        continue;
      }
      const double* key = scoreKeys_.data() + (keys_.row(b, kv, k) - keys_.at.data());
      double score = 0;
      for (int i = 0; i < d; i++) {
        score += scaled[i] * key[i];
      }
      if (p_.alibi) {
        int distance = position(b, q) - position(b, k);
        score -= static_cast<double>(p_.slopes[static_cast<size_t>(h)]) * std::abs(distance) / ln2;
      }
      seen.push_back(k);
      weights.push_back(score);
      top = std::max(top, score);
      s.largestScore = std::max(s.largestScore, std::abs(score));
    }
    // Powers of two below a whole reference: rounding a weight does not depend on it.
    double reference = std::ceil(top);
    double sum = 0;
    double roundedSum = 0;
    double* output = s.output.row(b, h, t);
    for (size_t i = 0; i < seen.size(); i++) {
      weights[i] = std::exp2(weights[i] - reference);
      sum += weights[i];
      roundedSum += rounding_.other(weights[i]);
    }
    for (size_t i = 0; i < seen.size(); i++) {
      const double* value = p_.value.row(b, kv, seen[i]);
      for (int c = 0; c < d; c++) {
        output[c] += rounding_.other(weights[i]) * rounding_.other(value[c]) / roundedSum;
      }
    }
    s.logSumExp.row(0, b, h)[t] = seen.empty() ? -INFINITY : ln2 * (reference + std::log2(sum));

    const double* gradient = p_.outputGradient.row(b, h, t);
    double delta = 0;
    for (int c = 0; c < d; c++) {
      delta += rounding_.other(gradient[c]) * rounding_.store(output[c]);
    }
    const double* query = queries_.row(b, h, t);
    for (size_t i = 0; i < seen.size(); i++) {
      double weight = weights[i] / sum;
      const double* key = keys_.row(b, kv, seen[i]);
      const double* value = p_.value.row(b, kv, seen[i]);
      double weightGradient = 0;
      for (int c = 0; c < d; c++) {
        double g = rounding_.other(gradient[c]);
        s.valueGradient.row(b, kv, seen[i])[c] += rounding_.other(weight) * g;
        weightGradient += g * rounding_.other(value[c]);
      }
      double scoreGradient = rounding_.other(weight * (weightGradient - delta)) * p_.scale;
      for (int c = 0; c < d; c++) {
        s.queryGradient.row(b, h, t)[c] += scoreGradient * rounding_.other(key[c]);
        s.keyGradient.row(b, kv, seen[i])[c] += scoreGradient * rounding_.other(query[c]);
      }
    }
  }

  int position(int b, int t) const { return p_.positions[static_cast<size_t>(b * p_.tokens + t)]; }

  Dense turned(Dense x, int firstToken, int direction) const {
    const bool halves = p_.pairing == A4J_HALF_SPLIT;
    for (int64_t b = 0; b < x.shape[0]; b++) {
      for (int64_t h = 0; h < x.shape[1]; h++) {
        for (int64_t t = 0; t < x.shape[2]; t++) {
          for (int i = 0; i < p_.rotaryPairs; i++) {
            double& first = x.row(b, h, t)[halves ? i : 2 * i];
            double& second = x.row(b, h, t)[halves ? i + p_.rotaryPairs : 2 * i + 1];
            int64_t token = b * p_.tokens + firstToken + t;
            const float* angle = p_.angles.data() + (token * p_.rotaryPairs + i) * 2;
            double cosine = angle[0];
            double sine = direction * angle[1];
            double before = first;
            first = before * cosine - second * sine;
            second = before * sine + second * cosine;
          }
        }
      }
    }
    return x;
  }

  const Problem& p_;
  Rounding rounding_;
  Dense queries_;
  Dense keys_;
  std::vector<double> scaledQueries_;
  std::vector<double> scoreKeys_;
};

}  // namespace a4j_test
