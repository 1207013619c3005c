// No vector instructions: what every processor runs.
#include "attention_backward.h"
#include "attention_forward.h"
#include "companions.h"
#include "few_rows.h"
#include "kernels.h"
#include "lanes_scalar.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<ScalarLanes, false>>;
using Rounded = VectorProduct<FloatWords<ScalarLanes, true>>;

}  // namespace

const Kernels kScalarKernels = {
    companionsOn<ScalarLanes>(), fewRowsOn<ScalarLanes, PairsAsFloats<ScalarLanes>>(),
    attentionForward<Float, Rounded, Float>, attentionBackward<Float, Rounded, Float>};

}  // namespace a4j
