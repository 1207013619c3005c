// AVX2 and FMA.
#include "attention_backward.h"
#include "attention_forward.h"
#include "companions.h"
#include "few_rows.h"
#include "kernels.h"
#include "lanes_avx2.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<Avx2Lanes, false>>;
using Rounded = VectorProduct<FloatWords<Avx2Lanes, true>>;

}  // namespace

const Kernels kAvx2Kernels = {
    companionsOn<Avx2Lanes>(), fewRowsOn<Avx2Lanes, PairsAsFloats<Avx2Lanes>>(),
    attentionForward<Float, Rounded, Float>, attentionBackward<Float, Rounded, Float>};

}  // namespace a4j
