// The kernels of AMX on tiles in plain C++, so that no AMX is needed: attention by the rules, the
// accuracy of scores by pairs of bfloat16, and the same bits for any number of threads.
#include "attention_cases.h"
#include "attention_drift.h"
#include "attention_run.h"
#include "emulated_amx.h"
#include "threads.h"

#if defined(__x86_64__)
namespace a4j_test {
namespace {

Kernels emulated() {
  Kernels kernels;
  kernels.name = "emulated amx-bf16";
  kernels.forward = [](const a4j_attention* attention) {
    a4j::Call held;
    emulatedAmxForward(*attention);
    return A4J_OK;
  };
  kernels.backward = [](const a4j_attention* attention) {
    a4j::Call held;
    emulatedAmxBackward(*attention);
    return A4J_OK;
  };
  kernels.compensatedScoreError = kPairScoreError;
  return kernels;
}

void attentionFollowsTheRules(const std::vector<Kernels>& kernels) {
  Random random(21);
  for (int tokens : {1, 13, 64, 65, 150}) {
    for (int documents = tokens % kEvery; documents < kDocumentKinds; documents += kEvery) {
      const int headDims[] = {8, 20, 33, 64, 128};
      checkAll(problemOf(random, documents, tokens, headDims[documents % 5]), kernels);
    }
  }
  const int headDims[] = {1, 2, 31, 32, 40, 96, 130, 256};
  for (int i = 0; i < 8; i += kEvery) {
    checkAll(problemOf(random, below(random, kDocumentKinds), 70, headDims[i]), kernels);
  }
}

void threadsDoNotMatter(const Kernels& kernels) {
  Random random(22);
  Problem p = problemOf(random, kSeventyAnchors, 270, 48);
  for (int precision = 0; precision < 3; precision++) {
    a4j::setThreads(1);
    Run alone(p, precision);
    alone.by(kernels);
    a4j::setThreads(3);
    Run together(p, precision);
    together.by(kernels);
    CHECK(together.sameBits(alone), "%s", precisionName(precision));
  }
}

}  // namespace
}  // namespace a4j_test
#endif

int main([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
#if defined(__x86_64__)
  using namespace a4j_test;
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16")) {
    attentionFollowsTheRules({emulated()});
    checkDrift(emulated());
    threadsDoNotMatter(emulated());
    checkRandom({emulated()}, argc, argv);
    return result("amx");
  }
#endif
  std::printf("amx: not tested here: this processor has no avx512-bf16\n");
  return 0;
}
