// The kernels without Java: causal attention on the numbers of TestData.java, timed in this
// process. bare_attention THREADS answers each line on standard input with a line:
//
//   prepare TYPE PRECISION B H HKV T D BACKWARD  ->  SECONDS SAMPLE... (64 of each result)
//   measure SECONDS                              ->  SECONDS... of each call
//
// or with "error REASON".

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "anchor4j.h"

namespace {

constexpr int64_t kPeriod = 1'048'573;
constexpr int64_t kSamples = 64;

float testValue(uint64_t seed, int64_t index) {
  uint64_t z = (seed << 40) + 0x9E3779B97F4A7C15u + static_cast<uint64_t>(index % kPeriod);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z = z ^ (z >> 31);
  int64_t sum = (z & 63) + (z >> 6 & 63) + (z >> 12 & 63) + (z >> 18 & 63);
  return static_cast<float>(sum - 126) / 32;
}

// A dense [B, H, T, D] array of either type.
class Heads {
 public:
  Heads(int type, int64_t b, int64_t h, int64_t t, int64_t d)
      : bytes_(b * h * t * d * (type == A4J_FLOAT32 ? 4 : 2)) {
    array_ = {bytes_.data(), type, {b, h, t, d}, {h * t * d, t * d, d, 1}};
  }

  const a4j_array& array() const { return array_; }
  int64_t size() const { return array_.shape[0] * array_.stride[0]; }

  void fill(uint64_t seed) {
    for (int64_t i = 0; i < size(); i++) {
      float value = testValue(seed, i);
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      uint16_t upper = static_cast<uint16_t>(bits >> 16);  // exact: these values fit bfloat16
      if (array_.type == A4J_FLOAT32) {
        std::memcpy(&bytes_[4 * i], &bits, 4);
      } else {
        std::memcpy(&bytes_[2 * i], &upper, 2);
      }
    }
  }

  void printSamples() const {
    for (int64_t s = 0; s < kSamples; s++) {
      int64_t i = s * 2654435761 % size();
      uint32_t bits = 0;
      uint16_t upper;
      if (array_.type == A4J_FLOAT32) {
        std::memcpy(&bits, &bytes_[4 * i], 4);
      } else {
        std::memcpy(&upper, &bytes_[2 * i], 2);
        bits = static_cast<uint32_t>(upper) << 16;
      }
      float value;
      std::memcpy(&value, &bits, sizeof value);
      std::printf(" %.9g", value);
    }
  }

 private:
  std::vector<char> bytes_;
  a4j_array array_;
};

int fastest() {
  int isa = A4J_ISAS - 1;
  while (a4j_lacks(isa) != A4J_LACKS_NOTHING) {
    isa--;
  }
  return isa;
}

class Attention {
 public:
  Attention(int type, int precision, int b, int h, int hkv, int t, int d, bool backward)
      : backward_(backward),
        query_(type, b, h, t, d),
        key_(type, b, hkv, t, d),
        value_(type, b, hkv, t, d),
        output_(type, b, h, t, d),
        outputGradient_(type, b, h, t, d),
        queryGradient_(type, b, h, t, d),
        keyGradient_(type, b, hkv, t, d),
        valueGradient_(type, b, hkv, t, d),
        logSumExp_(A4J_FLOAT32, 1, b, h, t),
        places_(static_cast<size_t>(b) * t),
        anchors_(b) {
    query_.fill(1);
    key_.fill(2);
    value_.fill(3);
    outputGradient_.fill(4);
    for (int row = 0; row < b; row++) {
      for (int i = 0; i < t; i++) {
        places_[static_cast<size_t>(row) * t + i] = i;
      }
      spans_.push_back({0, t, 0, 0});
      spanStarts_.push_back(row);
    }
    spanStarts_.push_back(b);
    call_.precision = precision;
    call_.causal = 1;
    call_.scale = 1 / std::sqrt(static_cast<float>(d));
    call_.positions = places_.data();
    call_.tokens = places_.data();
    call_.spans = spans_.data();
    call_.span_starts = spanStarts_.data();
    call_.anchors = anchors_.data();
    call_.query = query_.array();
    call_.key = key_.array();
    call_.value = value_.array();
    call_.output = output_.array();
    call_.log_sum_exp = logSumExp_.array();
    call_.output_gradient = outputGradient_.array();
    call_.query_gradient = queryGradient_.array();
    call_.key_gradient = keyGradient_.array();
    call_.value_gradient = valueGradient_.array();
  }

  // Returns the seconds it took, or less than 0 if it failed.
  double run() {
    auto start = std::chrono::steady_clock::now();
    int status = a4j_attention_forward(isa_, &call_);
    if (status == A4J_OK && backward_) {
      status = a4j_attention_backward(isa_, &call_);
    }
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return status == A4J_OK ? seconds.count() : -1;
  }

  void printSamples() const {
    output_.printSamples();
    if (backward_) {
      queryGradient_.printSamples();
      keyGradient_.printSamples();
      valueGradient_.printSamples();
    }
  }

 private:
  int isa_ = fastest();
  bool backward_;
  Heads query_;
  Heads key_;
  Heads value_;
  Heads output_;
  Heads outputGradient_;
  Heads queryGradient_;
  Heads keyGradient_;
  Heads valueGradient_;
  Heads logSumExp_;
  std::vector<int32_t> places_;
  std::vector<int32_t> anchors_;
  std::vector<a4j_span> spans_;
  std::vector<int32_t> spanStarts_;
  a4j_attention call_ = {};
};

}  // namespace

int main(int argc, char** argv) {
  a4j_set_threads(argc > 1 ? std::atoi(argv[1]) : 1);
  std::unique_ptr<Attention> job;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string request;
    words >> request;
    if (request == "prepare") {
      int type, precision, b, h, hkv, t, d, backward;
      words >> type >> precision >> b >> h >> hkv >> t >> d >> backward;
      job.reset();  // before there are two in memory
      job = std::make_unique<Attention>(type, precision, b, h, hkv, t, d, backward != 0);
      double first = job->run();
      if (first < 0) {
        std::printf("error the kernel refused\n");
      } else {
        std::printf("%.9g", first);
        job->printSamples();
        std::printf("\n");
      }
    } else {
      double seconds;
      words >> seconds;
      double total = 0;
      const char* separator = "";
      do {
        double time = job->run();
        std::printf("%s%.9g", separator, time);
        separator = " ";
        total += std::fabs(time);
      } while (total < seconds);
      std::printf("\n");
    }
    std::fflush(stdout);
  }
  return 0;
}
