// AVX-512 F, BW, DQ and VL.
#include "attention_backward.h"
#include "attention_forward.h"
#include "companions.h"
#include "few_rows.h"
#include "kernels.h"
#include "lanes_avx512.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<Avx512Lanes, false>>;
using Rounded = VectorProduct<FloatWords<Avx512Lanes, true>>;

}  // namespace

const Kernels kAvx512Kernels = {
    companionsOn<Avx512Lanes>(), fewRowsOn<Avx512Lanes, PairsAsFloats<Avx512Lanes>>(),
    attentionForward<Float, Rounded, Float>, attentionBackward<Float, Rounded, Float>};

}  // namespace a4j
