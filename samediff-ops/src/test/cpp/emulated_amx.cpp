#include "emulated_amx.h"

#include <cstdio>
#include <cstdlib>

#include "amx_product.h"
#include "attention_backward.h"
#include "attention_forward.h"
#include "words_avx512bf16.h"

namespace a4j {
namespace {

// The tile registers of a thread; as in hardware, what does not fit their shapes is fatal.
struct Tile {
  int rows = 0;
  int words = 0;
  uint32_t word[16][16];
};
thread_local Tile tiles[8];

void need(bool holds, const char* what) {
  if (!holds) {
    std::printf("tiles: %s\n", what);
    std::abort();
  }
}

float flushed(float x) { return __builtin_fabsf(x) < 1.17549435e-38f ? x * 0.0f : x; }

struct EmulatedTiles {
  static void shape(int rows, int tail) {
    need(rows > 0 && rows <= 16 && tail >= 0 && tail < 16, "impossible shapes");
    for (int t = 0; t < 8; t++) {
      bool isB = t == 5 || t == 7;
      bool isTail = t >= 6;
      tiles[t].rows = isTail && tail == 0 ? 0 : t == 5 ? 16 : isB ? tail : rows;
      tiles[t].words = isTail && tail == 0 ? 0 : t == 6 ? tail : 16;
      std::memset(tiles[t].word, 0, sizeof tiles[t].word);
    }
  }
  static void release() {
    for (Tile& tile : tiles) {
      tile.rows = 0;
    }
  }
  template <int kRegister>
  static void zero() {
    need(tiles[kRegister].rows > 0, "zero of no tile");
    std::memset(tiles[kRegister].word, 0, sizeof tiles[kRegister].word);
  }
  template <int kRegister>
  static void load(const void* from, int64_t stride) {
    Tile& tile = tiles[kRegister];
    need(tile.rows > 0, "load of no tile");
    for (int r = 0; r < tile.rows; r++) {
      std::memcpy(tile.word[r], static_cast<const uint32_t*>(from) + r * stride,
                  static_cast<size_t>(tile.words) * 4);
    }
  }
  template <int kRegister>
  static void store(void* to, int64_t stride) {
    const Tile& tile = tiles[kRegister];
    need(tile.rows > 0, "store of no tile");
    for (int r = 0; r < tile.rows; r++) {
      std::memcpy(static_cast<uint32_t*>(to) + r * stride, tile.word[r],
                  static_cast<size_t>(tile.words) * 4);
    }
  }
  // TDPBF16PS: even and odd depths are summed apart, and subnormal numbers are 0.
  template <int kSums, int kA, int kB>
  static void multiply() {
    Tile& sums = tiles[kSums];
    const Tile& a = tiles[kA];
    const Tile& b = tiles[kB];
    need(sums.rows > 0 && sums.rows == a.rows && sums.words == b.words && a.words == b.rows,
         "product of tiles that do not fit");
    for (int r = 0; r < sums.rows; r++) {
      for (int c = 0; c < sums.words; c++) {
        float even = 0;
        float odd = 0;
        for (int w = 0; w < a.words; w++) {
          even = flushed(__builtin_fmaf(low(a.word[r][w]), low(b.word[w][c]), even));
          odd = flushed(__builtin_fmaf(high(a.word[r][w]), high(b.word[w][c]), odd));
        }
        sums.word[r][c] = bitsOf(flushed(floatOf(sums.word[r][c]) + flushed(even + odd)));
      }
    }
  }

 private:
  static float low(uint32_t word) { return flushed(floatOf(word << 16)); }
  static float high(uint32_t word) { return flushed(floatOf(word & 0xffff0000u)); }
};

using Float = VectorProduct<FloatWords<Avx512Lanes, false>>;
using Pairs = AmxProduct<EmulatedTiles, PairWords>;
using Split = AmxProduct<EmulatedTiles, SplitWords<PairWords>>;

}  // namespace
}  // namespace a4j

namespace a4j_test {

void emulatedAmxForward(const a4j_attention& attention) {
  a4j::attentionForward<a4j::Float, a4j::Pairs, a4j::Split>(attention);
}

void emulatedAmxBackward(const a4j_attention& attention) {
  a4j::attentionBackward<a4j::Float, a4j::Pairs, a4j::Split>(attention);
}

}  // namespace a4j_test
