// What each instruction set's file offers: one table of the same functions, in anchor4j.h's terms.
//
// A file of an instruction set keeps all else in an unnamed namespace and uses no templates of the
// standard library: the linker keeps one copy of an inline function, and must not pick one that
// this processor cannot run.
#pragma once

#include "anchor4j.h"

namespace a4j {

// The ops around attention: companions.h fills it in.
struct Companions {
  void (*rmsNorm)(double epsilon, const a4j_array& input, const a4j_array& gain,
                  const a4j_array& output);
  void (*rmsNormGradient)(double epsilon, const a4j_array& input, const a4j_array& gain,
                          const a4j_array& outputGradient, const a4j_array& inputGradient,
                          const a4j_array* gainGradient);
  void (*gatedSilu)(const a4j_array& gate, const a4j_array& up, const a4j_array& output);
  void (*gatedSiluGradient)(const a4j_array& gate, const a4j_array& up,
                            const a4j_array& outputGradient, const a4j_array& gateGradient,
                            const a4j_array& upGradient);
  void (*rotary)(int inverse, int pairing, int pairs, const float* angles, const a4j_array& heads,
                 const a4j_array& rotated);
  void (*adamW)(const a4j_adamw_step& step, const a4j_array& parameters, const a4j_array& gradients,
                const a4j_array& firstMoment, const a4j_array& secondMoment);
  double (*sumOfSquares)(const a4j_array& array);
  // Over logits [rows, columns] with rows `stride` floats apart; see cross_entropy.h.
  void (*addExponentials)(const float* logits, int64_t stride, int64_t rows, int64_t columns,
                          float* highest, double* sums);
  void (*slopes)(float* logits, int64_t stride, int64_t rows, int64_t columns,
                 const float* logSumExp, const float* scales);
};

// A product c = a b of a few rows with sums in float32.
struct FewRows {
  const void* a;  // rows of floats, or for pairs of 32-bit words
  int64_t aStride;
  int64_t rows;
  int64_t depth;  // for pairs in words
  const void* b;
  int32_t bType;
  bool rounds;  // whether a float32 element of b is rounded to bfloat16 first
  int64_t bStride;
  float* c;
  int64_t cStride;
};

// See few_rows.h.
struct FewRowsKernels {
  void (*byRows)(const FewRows& product, int64_t from, int64_t count);
  void (*byColumns)(const FewRows& product, int64_t from, int64_t count);
  void (*byPairs)(const FewRows& product, int64_t columns);
};

struct Kernels {
  Companions companions;
  FewRowsKernels fewRows;
  void (*attentionForward)(const a4j_attention&);
  void (*attentionBackward)(const a4j_attention&);
};

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;
extern const Kernels kAmxBf16Kernels;
#endif

// What is lacking to compute with an instruction set, in the words of anchor4j.h.
int lacks(int isa);

// The table of an instruction set, or null where something is lacking.
const Kernels* kernelsFor(int isa);

}  // namespace a4j
