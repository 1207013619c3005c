// Products of a few rows by all threads; memory's speed decides, not the processor's.
#pragma once

#include "kernels.h"
#include "matmul.h"

namespace a4j {

// c = a b + bias, or nothing and false if `a` has too many rows or `b` lies so that packing is no
// worse. A held `b` is read as it is packed, any other as it lies.
bool multiplyFewRows(const FewRowsKernels& kernels, const Matrix& a, const Matrix& b, int32_t type,
                     const Matrix& c, const float* bias);

}  // namespace a4j
