// No vector instructions: what every processor runs.
#include "lanes_scalar.h"

#include "attention_forward.h"
#include "kernels.h"

namespace a4j {
namespace {

using Float = VectorProduct<FloatWords<ScalarLanes, false>>;
using Rounded = VectorProduct<FloatWords<ScalarLanes, true>>;

}  // namespace

const Kernels kScalarKernels = {attentionForward<Float, Rounded, Rounded>};

}  // namespace a4j
