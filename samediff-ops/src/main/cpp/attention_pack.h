// Bringing tokens of a head into the forms that products read.
#pragma once

#include "anchor4j.h"
#include "arrays.h"
#include "attention_plan.h"
#include "product.h"
#include "rotate.h"

namespace a4j {
namespace {

constexpr int kMostHeadDim = 256;

// Scores are powers of two: 2^(x kLog2E) = e^x.
constexpr float kLn2 = 0.693147180559945309f;

// The score of a key that a query does not see: 2^(x - reference) is exactly 0, and no NaN.
constexpr float kUnseen = -3e38f;

// A row's reference before it saw a score: far above kUnseen, so that what is unseen weighs 0.
constexpr float kNoReference = -1e30f;

// Columns of B come in whole vectors of any lanes.
inline int paddedColumns(int columns) { return ceilDiv(columns, 16) * 16; }

// The element of [1, B, H, Tq] for a query.
inline float* statisticAt(const a4j_array& array, int64_t b, int64_t head, int64_t query) {
  const int64_t* stride = array.stride;
  return static_cast<float*>(array.data) + b * stride[1] + head * stride[2] + query * stride[3];
}

// The product of two rows of `width` floats, a multiple of all lanes.
template <class L>
float dot(const float* x, const float* y, int width) {
  typename L::F sum = L::set(0);
  for (int c = 0; c < width; c += L::kWidth) {
    sum = L::fma(L::load(x + c), L::load(y + c), sum);
  }
  return L::sum(sum);
}

// The panels of 64 tokens of a side as rows [count, paddedColumns(D)], rotated and scaled; tokens
// behind the last are 0.
struct PanelReader {
  const a4j_attention& attention;
  const a4j_array& array;
  const PanelSide& side;
  int batch;
  int head;
  int firstToken;  // of the array: the row's token that its index 0 is
  bool rotated;
  float scale;

  int width() const { return paddedColumns(static_cast<int>(array.shape[3])); }

  void read(int panel, float* rows) const {
    int headDim = static_cast<int>(array.shape[3]);
    int count = side.panel[panel].count;
    const int32_t* tokens = side.token + static_cast<int64_t>(panel) * kPanel;
    bool inOrder = tokens[count - 1] - tokens[0] == count - 1;
    if (inOrder) {
      loadRows(array, batch, head, tokens[0] - firstToken, count, rows, width());
    }
    for (int i = 0; i < count; i++) {
      float* row = rows + i * width();
      if (!inOrder) {
        loadRow(array, batch, head, tokens[i] - firstToken, row);
      }
      for (int c = headDim; c < width(); c++) {
        row[c] = 0;
      }
      if (rotated && attention.rotary_pairs > 0) {
        rotateRow(row, angles(tokens[i]), attention.rotary_pairs, attention.pairing, 1);
      }
      if (scale != 1) {
        for (int c = 0; c < headDim; c++) {
          row[c] *= scale;
        }
      }
    }
    for (int i = count * width(); i < kPanel * width(); i++) {
      rows[i] = 0;
    }
  }

  // The panel's rows where they are if nothing has to be done to them, else read into `buffer`;
  // `stride` floats apart.
  const float* rows(int panel, float* buffer, int64_t* stride) const {
    const int32_t* tokens = side.token + static_cast<int64_t>(panel) * kPanel;
    bool asTheyAre = hasPlainRows(array) && array.shape[3] == width() && scale == 1 &&
                     !(rotated && attention.rotary_pairs > 0) &&
                     side.panel[panel].count == kPanel &&
                     tokens[kPanel - 1] - tokens[0] == kPanel - 1;
    if (asTheyAre) {
      *stride = array.stride[2];
      return static_cast<const float*>(array.data) +
             rowOffset(array, batch, head, tokens[0] - firstToken);
    }
    *stride = width();
    read(panel, buffer);
    return buffer;
  }

  // Writes the panel's rows of a gradient, `stride` apart, turned back.
  void write(int panel, float* rows, int64_t stride) const {
    int count = side.panel[panel].count;
    const int32_t* tokens = side.token + static_cast<int64_t>(panel) * kPanel;
    if (rotated && attention.rotary_pairs > 0) {
      for (int i = 0; i < count; i++) {
        rotateRow(rows + i * stride, angles(tokens[i]), attention.rotary_pairs, attention.pairing,
                  -1);
      }
    }
    if (tokens[count - 1] - tokens[0] == count - 1) {
      storeRows(array, batch, head, tokens[0] - firstToken, count, rows, stride);
      return;
    }
    for (int i = 0; i < count; i++) {
      storeRow(array, batch, head, tokens[i] - firstToken, rows + i * stride);
    }
  }

  const float* angles(int32_t token) const {
    int64_t row = static_cast<int64_t>(batch) * attention.key.shape[2] + token;
    return attention.angles + row * attention.rotary_pairs * 2;
  }
};

// Rows [kPanel, stride] with the depth along the columns: [kPanel][words], which is A.
template <class Words, Operand kOperand = Operand::kA>
void packA(const float* rows, int64_t stride, int columns, uint32_t* words) {
  for (int i = 0; i < kPanel; i++) {
    Words::template fromRow<kOperand>(rows + i * stride, columns,
                                      words + i * Words::depth(columns));
  }
}

// Rows [kPanel, stride] as B with the depth along the rows: [kPanel / kPerWord][columns].
template <class Words>
void packB(const float* rows, int64_t stride, int columns, uint32_t* words) {
  for (int i = 0; i < kPanel; i += Words::kPerWord) {
    Words::fromRows(rows + i * stride, stride, columns, words);
    words += columns;
  }
}

// Rows of words [kPanel][count] as B with the depth along the columns: [count][kPanel].
template <class Words>
void packTransposed(const uint32_t* rows, int count, uint32_t* words) {
  using L = typename Words::Lanes;
  int w = 0;
  for (; w + L::kWidth <= count; w += L::kWidth) {
    for (int i = 0; i < kPanel; i += L::kWidth) {
      L::transpose(rows + i * count + w, count, words + w * kPanel + i, kPanel);
    }
  }
  for (; w < count; w++) {
    for (int i = 0; i < kPanel; i++) {
      words[w * kPanel + i] = rows[i * count + w];
    }
  }
}

// Rows [kPanel, stride] as B with the depth along the columns: [words][kPanel]. `rowWords` is
// scratch for [kPanel][words].
template <class Words>
void packColumns(const float* rows, int64_t stride, int columns, uint32_t* rowWords,
                 uint32_t* words) {
  packA<Words, Operand::kB>(rows, stride, columns, rowWords);
  packTransposed<Words>(rowWords, Words::depth(columns), words);
}

}  // namespace
}  // namespace a4j
