// Products of words by the tiles of AMX: 16 rows, 16 columns and 16 words of depth at a time.
//
// A and B lie in memory as TDPBF16PS wants them: rows of A by words, rows of B by columns. What
// comes out of tiles goes through memory to the lanes of the epilogue, a block of rows late: while
// the lanes are at one block the tiles compute the next, and attention waits for the lanes only.
#pragma once

#include "product.h"

namespace a4j {
namespace {

constexpr int kTile = 16;

// Tiles offers the instructions, on registers numbered by template arguments:
//   shape(rows, tail)  makes 0-3 sums [rows][16], 4 and 5 an A [rows][16] and a B [16][16], and,
//                      unless tail is 0, 6 and 7 an A [rows][tail] and a B [tail][16]
//   release()          gives the registers back
//   zero<T>(), load<T>(from, stride), store<T>(to, stride), multiply<Sums, A, B>()
template <class Tiles, class W>
struct AmxProduct {
  using Words = W;
  using L = typename Words::Lanes;
  using F = typename L::F;

  // See VectorProduct. Others use tiles on the pool's threads too, oneDNN for one: the registers'
  // shapes are known from the first product to the end of a task only.
  struct Task {
    Task() = default;
    ~Task() { Tiles::release(); }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
  };

  // See VectorProduct; `columns` is rounded up to whole tiles, which B must have.
  template <class Row>
  static void rows(const uint32_t* a, int64_t aStride, int count, const uint32_t* b,
                   int64_t bStride, int columns, int words, Row&& row) {
    for (int c = 0; c < columns; c += kMostTiles * kTile) {
      rowsOf<kMostTiles>(least(kMostTiles, ceilDiv(columns - c, kTile)), a, aStride, count, b + c,
                         bStride, c, words, row);
    }
  }

  static void add(const uint32_t* a, int64_t aStride, int count, const uint32_t* b, int64_t bStride,
                  int columns, int words, float* c, int64_t cStride) {
    for (int r = 0; r < count; r += kTile) {
      Tiles::shape(least(kTile, count - r), words % kTile);
      for (int column = 0; column < columns; column += kMostTiles * kTile) {
        addTo<kMostTiles>(least(kMostTiles, ceilDiv(columns - column, kTile)), a + r * aStride,
                          aStride, b + column, bStride, words, c + r * cStride + column, cStride);
      }
    }
  }

 private:
  // Four tiles of sums for one of A: 1.25 loads a product, half of what one tile would take.
  static constexpr int kMostTiles = 4;

  template <int kTiles, class Row>
  static void rowsOf(int tiles, const uint32_t* a, int64_t aStride, int count, const uint32_t* b,
                     int64_t bStride, int column, int words, Row& row) {
    if constexpr (kTiles > 1) {
      if (tiles < kTiles) {
        rowsOf<kTiles - 1>(tiles, a, aStride, count, b, bStride, column, words, row);
        return;
      }
    }
    constexpr int kColumns = kTiles * kTile;
    constexpr int kVectors = least(L::kVectors, kColumns / L::kWidth);
    static_assert(kColumns % (kVectors * L::kWidth) == 0, "tiles are whole groups of vectors");
    alignas(64) float sums[2][kTile * kColumns];
    for (int r = 0; r < count + kTile; r += kTile) {
      float* made = sums[r / kTile % 2];
      if (r < count) {
        Tiles::shape(least(kTile, count - r), words % kTile);
        zeroAll<kTiles>();
        multiplyAll<kTiles>(a + r * aStride, aStride, b, bStride, words);
        storeAll<kTiles>(made, kColumns);
      }
      if (r == 0) {
        continue;
      }
      const float* ready = sums[(r / kTile + 1) % 2];
      for (int i = r - kTile; i < least(r, count); i++) {
        for (int c = 0; c < kColumns; c += kVectors * L::kWidth) {
          F x[kVectors];
          for (int v = 0; v < kVectors; v++) {
            x[v] = L::load(ready + c + v * L::kWidth);
          }
          row(i, column + c, x);
        }
        ready += kColumns;
      }
    }
  }

  template <int kTiles>
  static void addTo(int tiles, const uint32_t* a, int64_t aStride, const uint32_t* b,
                    int64_t bStride, int words, float* c, int64_t cStride) {
    if constexpr (kTiles > 1) {
      if (tiles < kTiles) {
        addTo<kTiles - 1>(tiles, a, aStride, b, bStride, words, c, cStride);
        return;
      }
    }
    loadAll<kTiles>(c, cStride);
    multiplyAll<kTiles>(a, aStride, b, bStride, words);
    storeAll<kTiles>(c, cStride);
  }

  template <int kTiles>
  static void multiplyAll(const uint32_t* a, int64_t aStride, const uint32_t* b, int64_t bStride,
                          int words) {
    int w = 0;
    for (; w + kTile <= words; w += kTile) {
      Tiles::template load<4>(a + w, aStride);
      multiplyBy<kTiles, 4>(b, bStride);
      b += kTile * bStride;
    }
    if (w < words) {
      Tiles::template load<6>(a + w, aStride);
      multiplyBy<kTiles, 6>(b, bStride);
    }
  }

  template <int kTiles, int kA>
  static void multiplyBy(const uint32_t* b, int64_t bStride) {
    if constexpr (kTiles > 1) {
      multiplyBy<kTiles - 1, kA>(b, bStride);
    }
    Tiles::template load<kA + 1>(b + (kTiles - 1) * kTile, bStride);
    Tiles::template multiply<kTiles - 1, kA, kA + 1>();
  }

  template <int kTiles>
  static void zeroAll() {
    if constexpr (kTiles > 1) {
      zeroAll<kTiles - 1>();
    }
    Tiles::template zero<kTiles - 1>();
  }

  template <int kTiles>
  static void loadAll(const float* from, int64_t stride) {
    if constexpr (kTiles > 1) {
      loadAll<kTiles - 1>(from, stride);
    }
    Tiles::template load<kTiles - 1>(from + (kTiles - 1) * kTile, stride);
  }

  template <int kTiles>
  static void storeAll(float* to, int64_t stride) {
    if constexpr (kTiles > 1) {
      storeAll<kTiles - 1>(to, stride);
    }
    Tiles::template store<kTiles - 1>(to + (kTiles - 1) * kTile, stride);
  }
};

// Words for scores that keep float32's accuracy on units that multiply pairs of bfloat16: x is
// high + low, and x y = high high + low high + high low, short of 2^-16 of it. The three products
// lie one behind the other along the depth, so that they are one product of three times the depth.
template <class Pairs>
struct SplitWords : Pairs {
  static constexpr int depth(int columns) { return 3 * Pairs::depth(columns); }

  template <Operand kOperand>
  static void fromRow(const float* row, int count, uint32_t* words) {
    constexpr int kMostAtOnce = 64;  // columns, whole words of any kind
    const int part = Pairs::depth(count);
    float high[kMostAtOnce];
    float low[kMostAtOnce];
    for (int from = 0; from < count; from += kMostAtOnce) {
      const int columns = least(kMostAtOnce, count - from);
      for (int i = 0; i < columns; i++) {
        high[i] = floatOfBfloat16(bfloat16Of(row[from + i]));
        low[i] = row[from + i] - high[i];
      }
      uint32_t* to = words + from / Pairs::kPerWord;
      Pairs::template fromRow<kOperand>(high, columns, to);
      Pairs::template fromRow<kOperand>(kOperand == Operand::kA ? low : high, columns, to + part);
      Pairs::template fromRow<kOperand>(kOperand == Operand::kA ? high : low, columns,
                                        to + 2 * part);
    }
  }
};

}  // namespace
}  // namespace a4j
