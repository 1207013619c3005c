// AVX2 and FMA.
#include "lanes_avx2.h"

#include "attention_forward.h"
#include "kernels.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<Avx2Lanes, false>>;
using Rounded = VectorProduct<FloatWords<Avx2Lanes, true>>;

}  // namespace

const Kernels kAvx2Kernels = {attentionForward<Float, Rounded, Rounded>};

}  // namespace a4j
