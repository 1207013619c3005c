// The modules that are compiled once.
#include "companion_kernels.h"
#include "kernels.h"
#include "warp.cuh"

#include <vector>

namespace {
#include <attention_prepare.cu>
#include <companions.cu>
}  // namespace

namespace emulator {

static std::vector<AttentionModule>& modules() {
  static std::vector<AttentionModule> all;
  return all;
}

bool registerModule(const AttentionModule& module) {
  modules().push_back(module);
  return true;
}

const AttentionModule* attentionModule(int headDim, int format) {
  for (const AttentionModule& module : modules()) {
    if (module.headDim == headDim && module.format == format) {
      return &module;
    }
  }
  return nullptr;
}

const PrepareModule& prepareModule() {
  static const PrepareModule module = {EMULATED(attention_tiles), EMULATED(attention_pack),
                                       EMULATED(rotary_angles)};
  return module;
}

const CompanionsModule& companions() {
  static const CompanionsModule module = {
      EMULATED(convert),
      EMULATED(gated_silu),
      EMULATED(gated_silu_gradient),
      EMULATED(rotary),
      EMULATED(rotary_angles),
      EMULATED(adamw),
      EMULATED(rms_norm),
      EMULATED(rms_norm_gradient),
      EMULATED(column_sums),
      EMULATED(sum_of_squares),
      EMULATED(sum_parts),
      EMULATED(cross_entropy_statistics),
      EMULATED(cross_entropy_finish),
      EMULATED(cross_entropy_gradient),
      [](const Array& array, a4j_int64 offset) { return loadElement<double>(array, offset); },
      [](const Array& array, a4j_int64 offset, double x) { storeElement(array, offset, x); }};
  return module;
}

}  // namespace emulator
