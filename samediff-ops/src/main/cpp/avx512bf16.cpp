// AVX-512 BF16: products of pairs of bfloat16 at twice the speed of float32 (AMD Zen 4 and newer;
// Intel's run them no faster than float32, but have AMX).
#include "attention_backward.h"
#include "attention_forward.h"
#include "companions.h"
#include "few_rows.h"
#include "kernels.h"
#include "words_avx512bf16.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<Avx512Lanes, false>>;
using Pairs = VectorProduct<PairWords>;

}  // namespace

// Exact scores are one product in float32: three of pairs would take longer here.
const Kernels kAvx512Bf16Kernels = {
    companionsOn<Avx512Lanes>(), fewRowsOn<Avx512Lanes, PairWords>(),
    attentionForward<Float, Pairs, Float>, attentionBackward<Float, Pairs, Float>};

}  // namespace a4j
