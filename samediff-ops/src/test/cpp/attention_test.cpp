// Attention through the C interface, by every instruction set that this machine has: the rules over
// awkward shapes and masks, independence of documents and of the number of threads, and numbers at
// the edge. attention_test [SEED [COUNT]] draws that many random problems.
#include <algorithm>
#include <thread>

#include "attention_cases.h"
#include "attention_drift.h"
#include "attention_run.h"

namespace a4j_test {
namespace {

const char* const kNames[A4J_ISAS] = {"scalar", "avx2", "avx512", "avx512-bf16", "amx-bf16"};

std::vector<Kernels> supported() {
  std::vector<Kernels> all;
  for (int isa = 0; isa < A4J_ISAS; isa++) {
    const int lack = a4j_lacks(isa);
    if (lack != A4J_LACKS_NOTHING) {
      const char* const lacks[] = {"", "this build", "this processor", "what this system permits"};
      std::printf("attention: %s is not tested here: lacking in %s\n", kNames[isa], lacks[lack]);
      continue;
    }
    Kernels kernels;
    kernels.name = kNames[isa];
    kernels.forward = [isa](const a4j_attention* a) { return a4j_attention_forward(isa, a); };
    if (isa == A4J_AMX_BF16) {
      kernels.compensatedScoreError = kPairScoreError;
    }
    kernels.backward = [isa](const a4j_attention* a) { return a4j_attention_backward(isa, a); };
    all.push_back(kernels);
  }
  return all;
}

void everyShapeAndMaskFollowsTheRules(const std::vector<Kernels>& all) {
  Random random(1);
  for (int tokens : {1, 2, 13, 63, 64, 65, 207}) {
    for (int documents = tokens % kEvery; documents < kDocumentKinds; documents += kEvery) {
      const int headDims[] = {2, 8, 20, 64};
      checkAll(problemOf(random, documents, tokens, headDims[documents % 4]), all);
    }
  }
  const int headDims[] = {1,  2,  3,  5,  15,  16,  17,  31,  33, 40,
                          59, 63, 80, 96, 111, 128, 130, 193, 256};
  for (int i = 0; i < 19; i += kEvery) {
    checkAll(problemOf(random, below(random, kDocumentKinds), 70, headDims[i]), all);
  }
}

// Enough keys and few enough queries for attention_decode.h.
void fewQueriesOfManyKeysFollowTheRules(const std::vector<Kernels>& all) {
  Random random(2);
  for (int queries : {1, 5, 64}) {
    for (int documents = 0; documents < kDocumentKinds; documents += kEvery) {
      Problem p = problemOf(random, documents, 300 + below(random, 400), 24);
      p.queries = queries;
      p.draw();
      checkAll(p, all);
    }
  }
}

void hugeScoresStayFinite(const std::vector<Kernels>& all) {
  Random random(3);
  for (double loudness = 1e6; loudness >= 1e3; loudness /= 10 * kEvery * kEvery) {
    for (int documents : {kContiguous, kTwoAnchors, kSeventyAnchors}) {
      Problem p = problemOf(random, documents, 150 / kEvery, 32);
      p.type = A4J_FLOAT32;
      p.loudness = loudness;
      p.draw();
      checkAll(p, all);
      // All scores of a row far below 0: nothing may vanish.
      p.rotaryPairs = 0;
      for (double& x : p.query.at) {
        x = -std::abs(x);
      }
      for (double& x : p.key.at) {
        x = std::abs(x);
      }
      checkAll(p, all);
    }
  }
}

// Every other document's results keep their bits, whatever stands in this one.
void documentsKnowNothingOfEachOther(const std::vector<Kernels>& all) {
  Random random(4);
  for (int documents :
       {kContiguous, kInterleaved, kUnsorted, kOneAnchor, kSevenAnchors, kSeventyAnchors}) {
    Problem before = problemOf(random, documents, 200 / kEvery, 24);
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

void threadsDoNotMatter(const std::vector<Kernels>& all) {
  Random random(5);
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<Problem> problems;
  for (int documents : {kContiguous, kUnsorted, kTwoAnchors, kSeventyAnchors}) {
    problems.push_back(problemOf(random, documents, 270 / kEvery, 48));
  }
  // Short documents: enough for one to three threads, too few for more, to take each as a whole.
  Problem many = problemOf(random, kOneAnchor, 270, 48);
  many.batch = 1;
  many.heads = 4;
  many.kvHeads = 2;
  many.mask = Mask::kAnchor;
  many.documents.assign(270, 0);
  for (int t = 1; t < 270; t++) {
    many.documents[t] = 1 + t / 20;
  }
  many.draw();
  problems.push_back(many);
  // Long enough for tasks of some panels of keys.
  Problem longRow = problemOf(random, kContiguous, 4160 / kEvery, 8);
  longRow.batch = 1;
  longRow.queries = longRow.tokens;
  longRow.heads = 2;
  longRow.kvHeads = 1;
  longRow.mask = Mask::kFull;
  longRow.documents.assign(longRow.tokens, 1);
  longRow.draw();
  problems.push_back(longRow);
  for (const Problem& p : problems) {
    for (int precision = 0; precision < 3; precision++) {
      for (const Kernels& kernels : all) {
        a4j_set_threads(1);
        Run alone(p, precision);
        alone.by(kernels);
        for (int threads : {2, 3, cores, cores + 5}) {
          a4j_set_threads(threads);
          CHECK(a4j_threads() == threads, "%d threads, wanted %d", a4j_threads(), threads);
          Run together(p, precision);
          together.by(kernels);
          CHECK(together.sameBits(alone), "%d threads: %s %s %s", threads, kernels.name.c_str(),
                precisionName(precision), p.name().c_str());
        }
      }
    }
  }
  a4j_set_threads(cores);
}

// A NaN reaches every query that computes with it and, from queries and keys, no other.
void nanReachesWhoSeesIt(const std::vector<Kernels>& all) {
  Random random(6);
  for (int documents : {kContiguous, kOneAnchor, kSeventyAnchors}) {
    for (bool inKey : {false, true}) {
      Problem p = problemOf(random, documents, 280 / kEvery, 20);
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

void unknownInstructionSetsAreRefused() {
  Random random(7);
  Problem p = problemOf(random, kContiguous, 5, 4);
  Run run(p, A4J_PRECISION_FLOAT32);
  std::vector<unsigned char> before = run.output.bytes();
  for (int isa : {-1, A4J_ISAS, 1000}) {
    CHECK(a4j_attention_forward(isa, &run.attention()) == A4J_UNSUPPORTED, "isa %d", isa);
    CHECK(a4j_attention_backward(isa, &run.attention()) == A4J_UNSUPPORTED, "isa %d", isa);
  }
  CHECK(run.output.bytes() == before, "the output was written");
}

}  // namespace
}  // namespace a4j_test

int main(int argc, char** argv) {
  using namespace a4j_test;
  const std::vector<Kernels> all = supported();
  everyShapeAndMaskFollowsTheRules(all);
  fewQueriesOfManyKeysFollowTheRules(all);
  hugeScoresStayFinite(all);
  documentsKnowNothingOfEachOther(all);
  threadsDoNotMatter(all);
  nanReachesWhoSeesIt(all);
  unknownInstructionSetsAreRefused();
  for (const Kernels& kernels : all) {
    checkDrift(kernels);
  }
  checkRandom(all, argc, argv);
  return result("attention");
}
