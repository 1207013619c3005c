// Which instruction sets this processor and its system offer.
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace a4j {
namespace {

#if defined(__x86_64__)
bool avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}

// CPUID leaf 7: __builtin_cpu_supports of GCC 12 has no name for AMX.
bool amxBf16() {
  unsigned a, b, c, d;
  constexpr unsigned kAmxBf16 = 1u << 22;
  constexpr unsigned kAmxTile = 1u << 24;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxBf16) && (d & kAmxTile);
}

// Linux keeps the tile registers (8 KiB a thread) from processes that have not asked for them.
bool mayUseTiles() {
#if defined(__linux__)
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureXtiledata = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtiledata) == 0;
#else
  return false;
#endif
}

bool supported(int isa) {
  switch (isa) {
    case A4J_SCALAR:
      return true;
    case A4J_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case A4J_AVX512:
      return avx512();
    case A4J_AVX512_BF16:
      return avx512() && __builtin_cpu_supports("avx512bf16");
    case A4J_AMX_BF16:
      return avx512() && __builtin_cpu_supports("avx512bf16") && amxBf16() && mayUseTiles();
    default:
      return false;
  }
}
#else
bool supported(int isa) { return isa == A4J_SCALAR; }
#endif

}  // namespace

const Kernels* kernelsFor(int isa) {
  static const struct All {
    const Kernels* tables[A4J_ISAS] = {};
    All() {
      const Kernels* built[A4J_ISAS] = {&kScalarKernels};
#if defined(__x86_64__)
      built[A4J_AVX2] = &kAvx2Kernels;
      built[A4J_AVX512] = &kAvx512Kernels;
      built[A4J_AVX512_BF16] = &kAvx512Bf16Kernels;
#endif
      for (int isa = 0; isa < A4J_ISAS; isa++) {
        tables[isa] = built[isa] != nullptr && supported(isa) ? built[isa] : nullptr;
      }
    }
  } all;
  return isa >= 0 && isa < A4J_ISAS ? all.tables[isa] : nullptr;
}

}  // namespace a4j
