// Rotary embedding of one dimension of a head.
#pragma once

#include <elements.cuh>

// What dimension c turns with; c must be one of the 2 pairs that turn.
struct Turn {
  int pair;
  int partner;
  bool first;  // of the two
};

DEVICE Turn turnOf(int c, int pairs, int pairing) {
  if (pairing == kHalfSplit) {
    return c < pairs ? Turn{c, c + pairs, true} : Turn{c - pairs, c - pairs, false};
  }
  return {c / 2, c ^ 1, c % 2 == 0};
}

// Turns x forth; the negated sine turns it back. `angles` are those of its token.
template <class Real>
DEVICE Real turned(Real x, Real partner, const Turn& turn, const Real* angles, bool back) {
  const Real cosine = angles[2 * turn.pair];
  const Real sine = turn.first == back ? angles[2 * turn.pair + 1] : -angles[2 * turn.pair + 1];
  return x * cosine + partner * sine;
}

// The angles of a token of row b.
template <class Real>
DEVICE const Real* anglesOf(a4j_address angles, int pairs, int tokens, int b, int token) {
  return deviceMemory<const Real>(angles) +
         (static_cast<a4j_int64>(b) * tokens + token) * pairs * 2;
}
