// Whether scores depend on distance alone: the same tokens at positions that all stand 126,976
// further on.
#pragma once

#include "attention_run.h"

namespace a4j_test {

// The log-sum-exps of queries that see one key each, which makes them scores; the tokens stand
// `shift` further on than they would.
inline Dense scoresAt(int shift, int precision, const Kernels& kernels) {
  Problem p;
  const int pairs = 500;
  p.tokens = 2 * pairs;
  p.queries = pairs;
  p.headDim = 128;
  p.scale = static_cast<float>(1 / std::sqrt(128));
  p.mask = Mask::kIntraDocument;
  for (int t = 0; t < p.tokens; t++) {
    p.documents.push_back(1 + t % pairs);
  }
  p.draw();
  // A query's own key is as far from it as can be, so that only the other one counts.
  for (int t = 0; t < pairs; t++) {
    for (int c = 0; c < p.headDim; c++) {
      p.key.row(0, 0, pairs + t)[c] = -10 * p.query.row(0, 0, t)[c];
    }
  }
  std::mt19937_64 random(2);
  for (int32_t& position : p.positions) {
    position = static_cast<int32_t>(random() % 4096) + shift;
  }
  p.rotaryPairs = p.headDim / 2;
  for (int32_t position : p.positions) {
    for (int i = 0; i < p.rotaryPairs; i++) {
      double angle = position * std::pow(500000.0, -static_cast<double>(i) / p.rotaryPairs);
      p.angles.push_back(static_cast<float>(std::cos(angle)));
      p.angles.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  Run run(p, precision);
  CHECK(kernels.forward(&run.attention()) == A4J_OK, "%s", kernels.name.c_str());
  return run.logSumExp.read();
}

inline double drift(int precision, const Kernels& kernels) {
  Dense here = scoresAt(0, precision, kernels);
  Dense there = scoresAt(126976, precision, kernels);
  double squares = 0;
  for (size_t i = 0; i < here.at.size(); i++) {
    squares += std::pow(there.at[i] - here.at[i], 2);
  }
  return std::sqrt(squares / here.at.size());
}

inline void checkDrift(const Kernels& kernels) {
  double compensated = drift(A4J_PRECISION_COMPENSATED, kernels);
  double plain = drift(A4J_PRECISION_BFLOAT16, kernels);
  std::printf("%s: scores drift by %.1e, without compensation by %.1e\n", kernels.name.c_str(),
              compensated, plain);
  CHECK(compensated <= 1e-5, "%s drifts by %g", kernels.name.c_str(), compensated);
  CHECK(plain > 1e-3, "%s: positions play no part: %g", kernels.name.c_str(), plain);
}

}  // namespace a4j_test
