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
bool avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

bool avx512() {
  return avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
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

int lacksHardware(int isa) {
  switch (isa) {
    case A4J_AVX2:
      return avx2() ? A4J_LACKS_NOTHING : A4J_LACKS_PROCESSOR;
    case A4J_AVX512:
      return avx512() ? A4J_LACKS_NOTHING : A4J_LACKS_PROCESSOR;
    case A4J_AVX512_BF16:
      return avx512() && __builtin_cpu_supports("avx512bf16") ? A4J_LACKS_NOTHING
                                                              : A4J_LACKS_PROCESSOR;
    case A4J_AMX_BF16:
      if (!avx512() || !__builtin_cpu_supports("avx512bf16") || !amxBf16()) {
        return A4J_LACKS_PROCESSOR;
      }
      return mayUseTiles() ? A4J_LACKS_NOTHING : A4J_LACKS_PERMISSION;
    default:
      return A4J_LACKS_NOTHING;
  }
}
#else
int lacksHardware(int) { return A4J_LACKS_NOTHING; }
#endif

struct Support {
  const Kernels* tables[A4J_ISAS] = {};
  int lacks[A4J_ISAS] = {};

  Support() {
    const Kernels* built[A4J_ISAS] = {&kScalarKernels};
#if defined(__x86_64__)
    built[A4J_AVX2] = &kAvx2Kernels;
    built[A4J_AVX512] = &kAvx512Kernels;
    built[A4J_AVX512_BF16] = &kAvx512Bf16Kernels;
    built[A4J_AMX_BF16] = &kAmxBf16Kernels;
#endif
    for (int isa = 0; isa < A4J_ISAS; isa++) {
      // The processor first: what it has not got, no other build could use.
      lacks[isa] = lacksHardware(isa);
      if (lacks[isa] == A4J_LACKS_NOTHING && built[isa] == nullptr) {
        lacks[isa] = A4J_LACKS_KERNELS;
      }
      tables[isa] = lacks[isa] == A4J_LACKS_NOTHING ? built[isa] : nullptr;
    }
  }
};

const Support& support() {
  static const Support support;
  return support;
}

bool isKnown(int isa) { return isa >= 0 && isa < A4J_ISAS; }

}  // namespace

int lacks(int isa) { return isKnown(isa) ? support().lacks[isa] : A4J_LACKS_KERNELS; }

const Kernels* kernelsFor(int isa) { return isKnown(isa) ? support().tables[isa] : nullptr; }

}  // namespace a4j
