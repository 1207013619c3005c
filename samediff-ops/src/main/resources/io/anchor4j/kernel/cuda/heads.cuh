// Rows of a head, from shared memory to an array of any strides and type.
#pragma once

#include <rotate.cuh>

// Stores tokens [first, end) of a head of which `rows` holds those from token `start` on, `stride`
// apart; the array begins with token `origin`. Turns them back if kTurns.
template <class Real, bool kTurns>
DEVICE void storeHead(const AttentionParameters& p, const Array& to, int b, int h, const Real* rows,
                      int stride, int start, int first, int end, int origin) {
  const int skipped = first > start ? first - start : 0;
  const int count = (end - start - skipped) * p.head_dim;
  for (int i = threadIndex(); i < count; i += blockThreads()) {
    const int row = skipped + i / p.head_dim;
    const int c = i % p.head_dim;
    const int token = start + row;
    Real x = rows[row * stride + c];
    if (kTurns && c < 2 * p.rotary_pairs) {
      const Turn turn = turnOf(c, p.rotary_pairs, p.pairing);
      x = turned(x, rows[row * stride + turn.partner], turn,
                 anglesOf<Real>(p.angles, p.rotary_pairs, p.tokens, b, token), true);
    }
    storeElement(to, rowOffset(to, b, h, token - origin) + c * to.stride[3], x);
  }
}
