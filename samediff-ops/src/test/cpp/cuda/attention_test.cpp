// The CUDA kernels of attention on an emulated GPU, by the rules of every kernel.
#include "../attention_cases.h"
#include "../attention_drift.h"
#include "../attention_leak.h"
#include "../attention_run.h"
#include "attention_host.h"

namespace a4j_test {
namespace {

::Array described(const a4j_array& array) {
  const int types[] = {kFloat32, kBfloat16, kFloat16};
  ::Array to = {reinterpret_cast<a4j_address>(array.data), {}, types[array.type], 0};
  for (int i = 0; i < 4; i++) {
    to.stride[i] = array.stride[i];
  }
  return to;
}

AttentionParameters parametersOf(const a4j_attention& a) {
  const Problem& problem = *static_cast<const Described&>(a).problem;
  AttentionParameters p = {};
  p.query = described(a.query);
  p.key = described(a.key);
  p.value = described(a.value);
  p.output = described(a.output);
  p.log_sum_exp = described(a.log_sum_exp);
  for (int i = 0; i < 3; i++) {
    p.log_sum_exp.stride[i] = a.log_sum_exp.stride[i + 1];
  }
  p.log_sum_exp.stride[3] = 0;
  p.documents = reinterpret_cast<a4j_address>(problem.documents.data());
  p.positions = reinterpret_cast<a4j_address>(a.positions);
  p.angles = reinterpret_cast<a4j_address>(a.angles);
  p.slopes = reinterpret_cast<a4j_address>(a.slopes);
  p.scale = a.scale;
  p.batch = problem.batch;
  p.heads = problem.heads;
  p.kv_heads = problem.kvHeads;
  p.queries = problem.queries;
  p.tokens = problem.tokens;
  p.head_dim = problem.headDim;
  p.rotary_pairs = a.rotary_pairs;
  p.pairing = a.pairing;
  p.mask = static_cast<int>(problem.mask);
  p.causal = a.causal;
  p.window = a.window;
  const int formats[] = {kPackFloat32, kPackBfloat16, kPackPair};
  p.format = formats[a.precision];
  return p;
}

Kernels emulated() {
  Kernels kernels;
  kernels.name = "emulated cuda";
  kernels.forward = [](const a4j_attention* a) {
    emulator::attend(parametersOf(*a));
    return A4J_OK;
  };
  kernels.backward = [](const a4j_attention* a) {
    AttentionParameters p = parametersOf(*a);
    p.output_gradient = described(a->output_gradient);
    p.query_gradient = described(a->query_gradient);
    p.key_gradient = described(a->key_gradient);
    p.value_gradient = described(a->value_gradient);
    emulator::attend(p);
    return A4J_OK;
  };
  kernels.compensatedScoreError = kPairScoreError;
  return kernels;
}

// The head dimensions that modules were compiled for.
std::vector<int> moduleDims() {
  std::vector<int> dims;
  for (int dim = 16; dim <= 256; dim += 16) {
    if (emulator::attentionModule(dim, kPackPair) != nullptr) {
      dims.push_back(dim);
    }
  }
  return dims;
}

// A head dimension that takes one of the modules.
int headDim(Random& random) {
  const std::vector<int> dims = moduleDims();
  return dims[below(random, static_cast<int>(dims.size()))] - below(random, 3) * below(random, 8);
}

void everyShapeAndMaskFollowsTheRules(int problems) {
  Random random(31);
  const int sizes[] = {1, 2, 13, 63, 64, 65, 207};
  for (int i = 0; i < 7; i += kEvery) {
    checkAll(problemOf(random, below(random, kDocumentKinds), sizes[i], headDim(random)),
             {emulated()});
  }
  for (int documents = 0; documents < kDocumentKinds; documents += kEvery) {
    checkAll(problemOf(random, documents, 20 + below(random, 120), headDim(random)), {emulated()});
  }
  for (int dim : moduleDims()) {
    checkAll(problemOf(random, below(random, kDocumentKinds), 70 / kEvery, dim), {emulated()});
    checkAll(problemOf(random, below(random, kDocumentKinds), 20, dim - 15), {emulated()});
  }
  for (int i = 0; i < problems; i++) {
    emulator::reversed = i % 2 == 1;
    const int tokens = 1 + below(random, below(random, 4) == 0 ? 300 : 130);
    checkAll(problemOf(random, below(random, kDocumentKinds), tokens, headDim(random)),
             {emulated()});
  }
  emulator::reversed = false;
}

void fewQueriesOfManyKeysFollowTheRules() {
  Random random(32);
  for (int queries : {1, 70}) {
    Problem p = problemOf(random, kTwoAnchors, 150 + below(random, 100), 16);
    p.queries = queries;
    p.draw();
    checkAll(p, {emulated()});
  }
}

void hugeScoresStayFinite() {
  Random random(33);
  for (int documents : {kContiguous, kSevenAnchors}) {
    Problem p = problemOf(random, documents, 100, 16);
    p.type = A4J_FLOAT32;
    p.loudness = documents == kContiguous ? 1e6 : 1e3;
    p.draw();
    checkAll(p, {emulated()});
  }
}

// A race shows as a difference: the order of threads is reversed, and that of blocks.
void theOrderOfThreadsDoesNotMatter() {
  Random random(34);
  for (int dim : moduleDims()) {
    const Problem p = problemOf(random, kSevenAnchors, 150 / kEvery, dim);
    for (int precision = 0; precision < 3; precision++) {
      Run forth(p, precision);
      forth.by(emulated());
      emulator::reversed = true;
      Run back(p, precision);
      back.by(emulated());
      emulator::reversed = false;
      CHECK(forth.sameBits(back), "%s %s", precisionName(precision), p.name().c_str());
    }
  }
}

// Row-major doubles of any type.
::Array described(Dense& dense) {
  ::Array array = {reinterpret_cast<a4j_address>(dense.at.data()), {}, kFloat64, 0};
  array.stride[3] = 1;
  for (int i = 3; i > 0; i--) {
    array.stride[i - 1] = array.stride[i] * dense.shape[i];
  }
  return array;
}

void doublesAreComputedInDouble() {
  Random random(35);
  for (int documents : {kContiguous, kUnsorted, kTwoAnchors}) {
    Problem problem = problemOf(random, documents, 75, moduleDims().front() - 1);
    problem.type = A4J_FLOAT32;
    problem.layout = Layout::kDense;
    problem.draw();
    const Solution exact = Reference(problem, Rounding()).solve();
    Run run(problem, A4J_PRECISION_FLOAT32);
    Solution s = exact;
    for (Dense* x : {&s.output, &s.logSumExp, &s.queryGradient, &s.keyGradient,
                     &s.valueGradient}) {
      std::fill(x->at.begin(), x->at.end(), NAN);
    }
    std::vector<double> angles(problem.angles.begin(), problem.angles.end());
    std::vector<double> slopes(problem.slopes.begin(), problem.slopes.end());
    AttentionParameters p = parametersOf(run.attention());
    p.format = kPackFloat64;
    p.angles = reinterpret_cast<a4j_address>(angles.data());
    p.slopes = slopes.empty() ? 0 : reinterpret_cast<a4j_address>(slopes.data());
    p.query = described(problem.query);
    p.key = described(problem.key);
    p.value = described(problem.value);
    p.output = described(s.output);
    p.log_sum_exp = described(s.logSumExp);
    for (int i = 0; i < 3; i++) {
      p.log_sum_exp.stride[i] = p.log_sum_exp.stride[i + 1];
    }
    emulator::attend(p);
    p.output_gradient = described(problem.outputGradient);
    p.query_gradient = described(s.queryGradient);
    p.key_gradient = described(s.keyGradient);
    p.value_gradient = described(s.valueGradient);
    emulator::attend(p);
    const double errors[] = {difference(s.output, exact.output),
                             difference(s.logSumExp, exact.logSumExp),
                             difference(s.queryGradient, exact.queryGradient),
                             difference(s.keyGradient, exact.keyGradient),
                             difference(s.valueGradient, exact.valueGradient)};
    for (double error : errors) {
      CHECK(error <= 1e-12 * std::max(1.0, exact.largestScore), "off by %g: %s", error,
            problem.name().c_str());
    }
  }
}

}  // namespace
}  // namespace a4j_test

// attention_test [PROBLEMS] draws that many more.
int main(int argc, char** argv) {
  using namespace a4j_test;
  everyShapeAndMaskFollowsTheRules(argc > 1 ? std::atoi(argv[1]) : 4);
  fewQueriesOfManyKeysFollowTheRules();
  hugeScoresStayFinite();
  documentsKnowNothingOfEachOther({emulated()}, 16);
  nanReachesWhoSeesIt({emulated()}, 16);
  theOrderOfThreadsDoesNotMatter();
  doublesAreComputedInDouble();
  if (emulator::attentionModule(128, kPackPair) != nullptr) {
    checkDrift(emulated());
  }
  return result("cuda attention");
}
