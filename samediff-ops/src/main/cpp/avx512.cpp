// AVX-512 F, BW, DQ and VL.
#include "lanes_avx512.h"

#include "attention_forward.h"
#include "kernels.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<Avx512Lanes, false>>;
using Rounded = VectorProduct<FloatWords<Avx512Lanes, true>>;

}  // namespace

const Kernels kAvx512Kernels = {attentionForward<Float, Rounded, Rounded>};

}  // namespace a4j
