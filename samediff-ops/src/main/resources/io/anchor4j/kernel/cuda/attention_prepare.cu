// What attention computes on: operands of its products, dense and rotated, and what the tiles of
// the mask are. Extra memory grows with T alone.
#include <mask.cuh>
#include <rotate.cuh>

// A warp a tile.
KERNEL(32, attention_tiles, AttentionParameters) {
  const int b = blockY();
  Tile tile = {2147483647, -2147483647 - 1, 0, 0};
  for (int i = 0; i < kTile; i += 32) {
    int document = documentOf(p, b, blockX() * kTile + i + threadIndex());
    if (document == kPadding) {
      tile.padding = 1;
    } else if (document == 0) {
      tile.anchors = 1;
    } else {
      tile = joined(tile, {document, document, 0, 0});
    }
  }
  for (int mask = 16; mask > 0; mask /= 2) {
    tile = joined(tile, {shuffleXor(tile.lowest, mask), shuffleXor(tile.highest, mask),
                         shuffleXor(tile.anchors, mask), shuffleXor(tile.padding, mask)});
  }
  if (threadIndex() == 0) {
    deviceMemory<Tile>(p.tiles)[static_cast<a4j_int64>(b) * gridX() + blockX()] = tile;
  }
}

template <class Real>
DEVICE void storeOperand(const AttentionParameters& p, a4j_address to, a4j_address low,
                         a4j_int64 at, Real x) {
  if (p.format == kPackFloat32 || p.format == kPackFloat64) {
    deviceMemory<Real>(to)[at] = x;
    return;
  }
  const unsigned short rounded = bfloat16Of(static_cast<float>(x));
  deviceMemory<unsigned short>(to)[at] = rounded;
  if (low != 0) {
    deviceMemory<unsigned short>(low)[at] =
        bfloat16Of(static_cast<float>(x) - floatOfBfloat16(rounded));
  }
}

// What backward needs to know of a query: its log-sum-exp in powers of two, and how much the
// softmax's own normalisation takes away.
template <class Real>
DEVICE void packRowSums(const AttentionParameters& p, int b, int h, int t, a4j_int64 row) {
  Real delta = 0;
  for (int c = threadIndex() % 32; t >= 0 && c < p.head_dim; c += 32) {
    const Array& from = p.output_gradient;
    Real gradient = loadElement<Real>(from, rowOffset(from, b, h, t) + c * from.stride[3]);
    if (p.format == kPackBfloat16 || p.format == kPackPair) {
      gradient = roundedToBfloat16(static_cast<float>(gradient));
    }
    delta += gradient * loadElement<Real>(p.output, rowOffset(p.output, b, h, t) +
                                                        c * p.output.stride[3]);
  }
  delta = sumOfWarp(delta);
  if (threadIndex() % 32 == 0) {
    Real sum = infinity<Real>();  // a row that sees nothing weighs nothing
    if (t >= 0) {
      const Real stored = loadElement<Real>(p.log_sum_exp, rowOffset(p.log_sum_exp, b, h, t));
      sum = stored == -sum ? sum : stored * static_cast<Real>(kLog2E);
    }
    deviceMemory<Real>(p.row_log_sum_exp)[row] = sum;
    deviceMemory<Real>(p.row_delta)[row] = delta;
  }
}

// Row blockX() * 8 + warp of one head of one of the arrays.
template <class Real>
DEVICE void packRow(const AttentionParameters& p) {
  enum { kQuery, kKey, kValue, kOutputGradient };
  int h = blockY();
  int which = kQuery;
  if (h >= p.heads + 2 * p.kv_heads) {
    which = kOutputGradient;
    h -= p.heads + 2 * p.kv_heads;
  } else if (h >= p.heads) {
    h -= p.heads;
    which = h < p.kv_heads ? kKey : kValue;
    h %= p.kv_heads;
  }
  const int b = blockZ();
  const int row = blockX() * 8 + threadIndex() / 32;
  const bool ofQueries = which == kQuery || which == kOutputGradient;
  const int rows = ofQueries ? p.query_rows : p.key_rows;
  if (row >= rows) {
    return;
  }
  const int first = ofQueries ? p.tokens - p.queries : 0;
  const int token = (ofQueries ? queryStart(p) : 0) + row;
  const bool exists = token >= first && token < p.tokens;
  const Array& from = which == kQuery ? p.query
                      : which == kKey ? p.key
                      : which == kValue ? p.value : p.output_gradient;
  const a4j_address to = which == kQuery ? p.packed_query
                         : which == kKey ? p.packed_key
                         : which == kValue ? p.packed_value : p.packed_output_gradient;
  const a4j_address low = p.format != kPackPair ? 0
                          : which == kQuery ? p.packed_query_low
                          : which == kKey ? p.packed_key_low : 0;
  const int turning = which == kQuery || which == kKey ? 2 * p.rotary_pairs : 0;
  const Real factor = which == kQuery ? static_cast<Real>(p.scale * kLog2E) : Real(1);
  const a4j_int64 packed =
      (static_cast<a4j_int64>(b) * (ofQueries ? p.heads : p.kv_heads) + h) * rows + row;
  const a4j_int64 offset = exists ? rowOffset(from, b, h, token - first) : 0;
  for (int c = threadIndex() % 32; c < p.packed_dim; c += 32) {
    Real x = 0;
    if (exists && c < p.head_dim) {
      x = loadElement<Real>(from, offset + c * from.stride[3]);
    }
    if (exists && c < turning) {
      const Turn turn = turnOf(c, p.rotary_pairs, p.pairing);
      const Real partner = loadElement<Real>(from, offset + turn.partner * from.stride[3]);
      x = turned(x, partner, turn, anglesOf<Real>(p.angles, p.rotary_pairs, p.tokens, b, token),
                 false);
    }
    storeOperand(p, to, low, packed * p.packed_dim + c, x * factor);
  }
  if (which == kOutputGradient) {
    packRowSums<Real>(p, b, h, exists ? token - first : -1, packed);
  }
}

KERNEL(256, attention_pack, AttentionParameters) {
  if (p.format == kPackFloat64) {
    packRow<double>(p);
  } else {
    packRow<float>(p);
  }
}

// A float product of position and frequency is off by 0.008 radian near position 131,072.
KERNEL(256, rotary_angles, RotaryAnglesParameters) {
  const a4j_int64 i = static_cast<a4j_int64>(blockX()) * 256 + threadIndex();
  if (i >= p.count) {
    return;
  }
  const a4j_int64 token = i / p.pairs;
  const int pair = static_cast<int>(i % p.pairs);
  const double frequency =
      deviceMemory<const double>(p.frequencies)[token / p.tokens * p.pairs + pair];
  double sine;
  double cosine;
  sineAndCosine(deviceMemory<const int>(p.positions)[token] * frequency, &sine, &cosine);
  if (p.type == kFloat64) {
    deviceMemory<double>(p.angles)[2 * i] = cosine * p.factor;
    deviceMemory<double>(p.angles)[2 * i + 1] = sine * p.factor;
  } else {
    deviceMemory<float>(p.angles)[2 * i] = static_cast<float>(cosine * p.factor);
    deviceMemory<float>(p.angles)[2 * i + 1] = static_cast<float>(sine * p.factor);
  }
}
