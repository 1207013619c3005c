// What of one token reaches the others: nothing across documents, and NaN no further than it is seen.
#pragma once

#include <cstring>

#include "attention_cases.h"

namespace a4j_test {

// Every other document's results keep their bits, whatever stands in this one.
inline void documentsKnowNothingOfEachOther(const std::vector<Kernels>& all, int headDim = 24) {
  Random random(4);
  for (int documents :
       {kContiguous, kInterleaved, kUnsorted, kOneAnchor, kSevenAnchors, kSeventyAnchors}) {
    Problem before = problemOf(random, documents, 200 / kEvery, headDim);
    before.mask = documents == kInterleaved ? Mask::kIntraDocument : Mask::kAnchor;
    before.layout = Layout::kDense;
    before.type = A4J_FLOAT32;
    before.causal = true;
    before.draw();
    Problem after = before;
    int changed = *std::max_element(before.documents.begin(), before.documents.end());
    std::normal_distribution<double> normal(0, 1e6);
    for (Dense* x : {&after.query, &after.key, &after.value, &after.outputGradient}) {
      int first = before.tokens - static_cast<int>(x->shape[2]);
      for (int b = 0; b < before.batch; b++) {
        for (int h = 0; h < x->shape[1]; h++) {
          for (int t = first; t < before.tokens; t++) {
            for (int c = 0; c < before.headDim && before.document(b, t) == changed; c++) {
              x->row(b, h, t - first)[c] = static_cast<float>(normal(random));
            }
          }
        }
      }
    }
    for (int precision = 0; precision < 3; precision++) {
      for (const Kernels& kernels : all) {
        Run first(before, precision);
        Run second(after, precision);
        first.by(kernels);
        second.by(kernels);
        // Anchors are seen by every document, whose gradients they gather.
        auto compare = [&](const char* what, Array Run::* result, bool ofKeys) {
          Dense x = (first.*result).read();
          Dense y = (second.*result).read();
          bool sums = x.shape[3] == before.queries && x.shape[0] == 1 && result == &Run::logSumExp;
          int count = ofKeys ? before.tokens : before.queries;
          for (int b = 0; b < before.batch; b++) {
            for (int t = 0; t < count; t++) {
              int document = before.document(b, before.tokens - count + t);
              if (document == changed || (ofKeys && document == 0)) {
                continue;
              }
              for (int h = 0; h < (ofKeys ? before.kvHeads : before.heads); h++) {
                const double* a = sums ? x.row(0, b, h) + t : x.row(b, h, t);
                const double* c = sums ? y.row(0, b, h) + t : y.row(b, h, t);
                size_t bytes = (sums ? 1 : static_cast<size_t>(before.headDim)) * sizeof(double);
                CHECK(std::memcmp(a, c, bytes) == 0, "%s of token %d leaks: %s %s %s", what, t,
                      kernels.name.c_str(), precisionName(precision), before.name().c_str());
              }
            }
          }
        };
        compare("output", &Run::output, false);
        compare("log-sum-exp", &Run::logSumExp, false);
        compare("query gradient", &Run::queryGradient, false);
        compare("key gradient", &Run::keyGradient, true);
        compare("value gradient", &Run::valueGradient, true);
      }
    }
  }
}

// A NaN reaches every query that computes with it and, from queries and keys, no other.
inline void nanReachesWhoSeesIt(const std::vector<Kernels>& all, int headDim = 20) {
  Random random(6);
  for (int documents : {kContiguous, kOneAnchor, kSeventyAnchors}) {
    for (bool inKey : {false, true}) {
      Problem p = problemOf(random, documents, 280 / kEvery, headDim);
      p.type = A4J_FLOAT32;
      p.layout = Layout::kDense;
      p.queries = p.tokens;
      p.mask = Mask::kAnchor;
      p.window = 0;
      p.draw();
      Problem clean = p;
      int token = inKey && documents != kContiguous ? 0 : p.tokens / 2;  // token 0 is an anchor
      (inKey ? p.key : p.query).row(0, 0, token)[3] = NAN;
      const int group = p.heads / p.kvHeads;
      for (int precision = 0; precision < 3; precision++) {
        for (const Kernels& kernels : all) {
          Run dirtyRun(p, precision);
          Run cleanRun(clean, precision);
          CHECK(kernels.forward(&dirtyRun.attention()) == A4J_OK, "%s", kernels.name.c_str());
          CHECK(kernels.forward(&cleanRun.attention()) == A4J_OK, "%s", kernels.name.c_str());
          Dense dirty = dirtyRun.output.read();
          Dense expected = cleanRun.output.read();
          for (int b = 0; b < p.batch; b++) {
            for (int h = 0; h < p.heads; h++) {
              for (int t = 0; t < p.tokens; t++) {
                bool reached = b == 0 && (inKey ? h / group == 0 && p.visible(b, t, token)
                                                : h == 0 && t == token);
                for (int c = 0; c < p.headDim; c++) {
                  double x = dirty.row(b, h, t)[c];
                  CHECK(reached ? std::isnan(x) : x == expected.row(b, h, t)[c],
                        "head %d token %d: %g, NaN in %s of token %d: %s %s %s", h, t, x,
                        inKey ? "key" : "query", token, kernels.name.c_str(),
                        precisionName(precision), p.name().c_str());
                }
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace a4j_test
