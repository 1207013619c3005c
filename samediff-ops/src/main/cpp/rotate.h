// The rotation of one row by its token's cosines and sines.
#pragma once

#include "anchor4j.h"

namespace a4j {
namespace {

// Turns pair i = (x[i], y[i]) by angles[2i] = cosine, angles[2i + 1] = sine.
template <int kStep>
inline void rotatePairs(float* __restrict x, float* __restrict y, const float* __restrict angles,
                        int pairs, float direction) {
  for (int i = 0; i < pairs; i++) {
    float cosine = angles[2 * i];
    float sine = direction * angles[2 * i + 1];
    float turned = x[i * kStep] * cosine - y[i * kStep] * sine;
    y[i * kStep] = x[i * kStep] * sine + y[i * kStep] * cosine;
    x[i * kStep] = turned;
  }
}

// `direction` is 1, or -1 for the transposed rotation, which is the gradient.
inline void rotateRow(float* row, const float* angles, int pairs, int pairing, float direction) {
  if (pairing == A4J_HALF_SPLIT) {
    rotatePairs<1>(row, row + pairs, angles, pairs, direction);
  } else {
    rotatePairs<2>(row, row + 1, angles, pairs, direction);
  }
}

}  // namespace
}  // namespace a4j
