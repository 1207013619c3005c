// Attention through the C interface, by every instruction set that this machine has: the rules over
// awkward shapes and masks, independence of documents and of the number of threads, and numbers at
// the edge. attention_test [SEED [COUNT]] draws that many random problems.
#include <algorithm>
#include <thread>

#include "attention_cases.h"
#include "attention_drift.h"
#include "attention_leak.h"
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
