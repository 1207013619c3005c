// One module of attention: SOURCE compiled with the macros of its head dimension and format.
#include "kernels.h"
#include "warp.cuh"

namespace {
#include SOURCE

[[maybe_unused]] const bool registered = emulator::registerModule(
    {HEAD_DIM, FORMAT, EMULATED(attention_forward), EMULATED(attention_backward_keys),
     EMULATED(attention_backward_queries)});
}  // namespace
