// What each instruction set's file offers: one table of the same functions, in anchor4j.h's terms.
//
// A file of an instruction set keeps all else in an unnamed namespace and uses no templates of the
// standard library: the linker keeps one copy of an inline function, and must not pick one that
// this processor cannot run.
#pragma once

#include "anchor4j.h"

namespace a4j {

struct Kernels {
  void (*attentionForward)(const a4j_attention&);
};

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;
#endif

// What is lacking to compute with an instruction set, in the words of anchor4j.h.
int lacks(int isa);

// The table of an instruction set, or null where something is lacking.
const Kernels* kernelsFor(int isa);

}  // namespace a4j
