// Problems drawn at random, awkward ones on purpose.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "attention_run.h"

namespace a4j_test {

// The sanitizers look for other mistakes, which show in fewer problems, and take ten times as long.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kEvery = 4;
#else
constexpr int kEvery = 1;
#endif

using Random = std::mt19937_64;

inline int below(Random& random, int limit) { return static_cast<int>(random() % limit); }

// The ways in which documents lie in a row.
enum Documents {
  kContiguous,
  kInterleaved,
  kUnsorted,
  kPadding,
  kAnchors,
  kOneAnchor,
  kTwoAnchors,
  kSevenAnchors,
  kSeventyAnchors,
  kDocumentKinds
};

inline std::vector<int> documentsOf(Random& random, int kind, int batch, int tokens) {
  std::vector<int> documents;
  for (int b = 0; b < batch; b++) {
    int count = 1 + below(random, 4);
    int mean = std::max(1, tokens / count);
    std::vector<int> row;
    for (int t = 0; t < tokens; t++) {
      switch (kind) {
        case kInterleaved:
          row.push_back(1 + t % count);
          break;
        case kUnsorted:
          row.push_back(below(random, 8) == 0 ? -1 : 1000003 * (1 + below(random, count)));
          break;
        case kPadding:
          row.push_back(-1);
          break;
        case kAnchors:
          row.push_back(0);
          break;
        default:
          row.push_back(1 + t / mean);
      }
    }
    if (kind == kContiguous && b % 2 == 1) {
      std::fill(row.end() - tokens / 5, row.end(), -1);
    }
    const int anchors = kind == kOneAnchor        ? 1
                        : kind == kTwoAnchors     ? 2
                        : kind == kSevenAnchors   ? 7
                        : kind == kSeventyAnchors ? 70
                                                  : 0;
    for (int i = 0; i < anchors; i++) {
      // The first row's anchors lead it, the other rows' stand anywhere.
      int t = b == 0 ? i : below(random, tokens);
      if (t < tokens) {
        row[t] = 0;
      }
    }
    documents.insert(documents.end(), row.begin(), row.end());
  }
  return documents;
}

// A problem that `random` decides in all that its caller leaves open.
inline Problem problemOf(Random& random, int documents, int tokens, int headDim) {
  Problem p;
  p.seed = random();
  p.tokens = tokens;
  p.headDim = headDim;
  p.queries = below(random, 3) == 0 ? 1 + below(random, tokens) : tokens;
  p.batch = below(random, 2) == 0 ? 1 : 3;
  const int groups[][2] = {{1, 1}, {3, 1}, {3, 3}, {8, 1}, {8, 2}, {8, 8}};
  // Large ones with few heads: the reference is slow.
  const int* group = groups[below(random, tokens * headDim > 10000 ? 2 : 6)];
  p.heads = group[0];
  p.kvHeads = group[1];
  bool anchored = documents >= kAnchors;
  p.mask = anchored && below(random, 3) > 0 ? Mask::kAnchor : static_cast<Mask>(below(random, 3));
  p.causal = below(random, 4) > 0;
  p.window = below(random, 3) == 0 ? 1 + below(random, tokens + 5) : 0;
  p.alibi = below(random, 4) == 0;
  p.pairing = below(random, 2);
  p.rotaryPairs = below(random, 3) == 0 ? 0 : below(random, headDim / 2 + 1);
  p.scale = static_cast<float>((0.5 + 0.25 * below(random, 3)) / std::sqrt(headDim));
  const int32_t types[] = {A4J_FLOAT32, A4J_FLOAT32, A4J_BFLOAT16, A4J_FLOAT16};
  p.type = types[below(random, 4)];
  p.layout = static_cast<Layout>(below(random, 5));
  p.documents = documentsOf(random, documents, p.batch, tokens);
  p.draw();
  return p;
}

// Compares kernels with the rules on random problems: arguments SEED and COUNT of a test's main.
inline void checkRandom(const std::vector<Kernels>& all, int argc, char** argv) {
  const unsigned long long seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 8;
  const int count = argc > 2 ? std::atoi(argv[2]) : 60 / kEvery / kEvery;
  std::printf("%d random problems of seed %llu\n", count, seed);
  Random random(seed);
  for (int i = 0; i < count; i++) {
    int tokens = 1 + below(random, below(random, 4) == 0 ? 300 : 90);
    int headDim = 1 + below(random, below(random, 4) == 0 ? 256 : 70);
    checkAll(problemOf(random, below(random, kDocumentKinds), tokens, headDim), all);
  }
}

}  // namespace a4j_test
