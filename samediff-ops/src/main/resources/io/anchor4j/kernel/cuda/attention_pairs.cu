// Attention by tensor cores: bfloat16 operands, or pairs of them for scores, summed in float32.
//
// The forward kernel follows FlashAttention-2: a block holds some queries and goes through the
// tiles of keys that its queries see, with a running maximum. The backward kernels compute the
// scores again, one for each block of keys and one for each block of queries, so that nobody adds
// to what another block adds to: seven products instead of five, and equal bits always.
#include <heads.cuh>
#include <mask.cuh>
#include <tile.cuh>

constexpr bool kPairs = COMPENSATED != 0;
constexpr int kPlanes = kPairs ? 2 : 1;
constexpr bool kWide = HEAD_DIM > 128;
constexpr int kStride = kRowStride<HEAD_DIM>;

// Forward: kQueries rows a block, of which each of four warps has 16 or 32, and kKeys a step.
constexpr int kQueries = kPairs || kWide ? 64 : 128;
constexpr int kKeys = !kWide ? 64 : kPairs ? 16 : 32;
constexpr int kForwardThreads = 128;
constexpr int kBlocks = kQueries / 64;

// Backward: kRows rows a block, 16 a warp, and kStep a step, in two stages where both fit.
constexpr int kRows = kPairs && kWide ? 32 : 64;
constexpr int kStages = kWide ? 1 : 2;
constexpr int kStep = !kWide && !kPairs ? 32 : 16;
constexpr int kBackwardThreads = 2 * kRows;

// The first of steps [from, end) of kSize tokens that `isEmpty` does not hold for; all lanes look.
template <class IsEmpty>
DEVICE int nextStep(int from, int end, IsEmpty&& isEmpty) {
  for (; from < end; from += 32) {
    const int step = from + threadIndex() % 32;
    const unsigned found = ballot(step < end && !isEmpty(step));
    if (found != 0) {
      return from + lowestBit(found);
    }
  }
  return end;
}

DEVICE float slopeOf(const AttentionParameters& p, int h) {
  return p.slopes == 0 ? 0.0f
                       : deviceMemory<const float>(p.slopes)[h] * static_cast<float>(kLog2E);
}

DEVICE const Bits* packedRows(a4j_address packed, a4j_int64 head, int rows) {
  return deviceMemory<const Bits>(packed) + head * rows * HEAD_DIM;
}

#include <attention_pairs_forward.cuh>
#include <attention_pairs_backward.cuh>
