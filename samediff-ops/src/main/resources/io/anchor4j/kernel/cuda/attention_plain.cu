// Attention by plain multiplications and additions, in float or double: for FLOAT32 and for float64
// arrays. The course of attention_pairs.cu on square tiles of kSide rows, of whose scores a thread
// has two by two.
#include <heads.cuh>
#include <mask.cuh>

constexpr int kRowBytes = HEAD_DIM * static_cast<int>(sizeof(REAL));
constexpr int kSide = kRowBytes <= 512 ? 32 : kRowBytes <= 1024 ? 16 : 8;
constexpr int kHalf = kSide / 2;
constexpr int kThreads = kHalf * kHalf;
constexpr int kStride = HEAD_DIM + 1;
constexpr int kColumns = HEAD_DIM / kHalf;  // of sums, that a thread has of each of its rows

using Rows = REAL (*)[kStride];
using Square = REAL (*)[kSide + 1];

struct Memory {
  Rows mine[2];
  Rows theirs[2];
  Square scores;
  Square gradients;
  REAL* logSumExps;  // of theirs, as all that follows
  REAL* deltas;
  int* documents;
  int* positions;

  DEVICE Memory() {
    REAL* at = reinterpret_cast<REAL*>(sharedMemory());
    for (int i = 0; i < 2; i++) {
      mine[i] = reinterpret_cast<Rows>(at + i * kSide * kStride);
      theirs[i] = reinterpret_cast<Rows>(at + (2 + i) * kSide * kStride);
    }
    at += 4 * kSide * kStride;
    scores = reinterpret_cast<Square>(at);
    gradients = reinterpret_cast<Square>(at + kSide * (kSide + 1));
    logSumExps = at + 2 * kSide * (kSide + 1);
    deltas = logSumExps + kSide;
    documents = reinterpret_cast<int*>(deltas + kSide);
    positions = documents + kSide;
  }
};

// A thread's place: rows y and y + kHalf, columns x and x + kHalf and so on.
DEVICE int placeX() { return threadIndex() % kHalf; }
DEVICE int placeY() { return threadIndex() / kHalf; }

DEVICE void copyRows(Rows to, a4j_address packed, a4j_int64 firstRow) {
  const REAL* from = deviceMemory<const REAL>(packed) + firstRow * HEAD_DIM;
  for (int i = threadIndex(); i < kSide * HEAD_DIM; i += kThreads) {
    to[i / HEAD_DIM][i % HEAD_DIM] = from[i];
  }
}

DEVICE void multiplyTransposed(REAL (&products)[2][2], Rows a, Rows b) {
  for (int c = 0; c < HEAD_DIM; c++) {
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        products[i][j] += a[placeY() + i * kHalf][c] * b[placeX() + j * kHalf][c];
      }
    }
  }
}

DEVICE void addProduct(REAL (&sums)[2][kColumns], Square a, Rows b) {
  for (int k = 0; k < kSide; k++) {
    const REAL left[2] = {a[placeY()][k], a[placeY() + kHalf][k]};
#pragma unroll
    for (int j = 0; j < kColumns; j++) {
      const REAL right = b[k][placeX() + j * kHalf];
      sums[0][j] += left[0] * right;
      sums[1][j] += left[1] * right;
    }
  }
}

DEVICE REAL slopeOf(const AttentionParameters& p, int h) {
  return p.slopes == 0 ? REAL(0)
                       : deviceMemory<const REAL>(p.slopes)[h] * static_cast<REAL>(kLog2E);
}

// Stores sums, times a factor, in the place of rows that nobody needs any more.
template <bool kTurns>
DEVICE void store(const AttentionParameters& p, const Array& to, int b, int h,
                  const REAL (&sums)[2][kColumns], const REAL (&factor)[2], int firstToken,
                  int origin) {
  const Memory memory;
  syncThreads();
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < kColumns; j++) {
      memory.mine[0][placeY() + i * kHalf][placeX() + j * kHalf] = sums[i][j] * factor[i];
    }
  }
  syncThreads();
  const int end = firstToken + kSide < p.tokens ? firstToken + kSide : p.tokens;
  storeHead<REAL, kTurns>(p, to, b, h, memory.mine[0][0], kStride, firstToken, origin, end, origin);
}

KERNEL(kThreads, attention_forward, AttentionParameters) {
  const Memory memory;
  const int block = gridX() - 1 - blockX();
  const int h = blockY();
  const int b = blockZ();
  const int firstToken = queryStart(p) + block * kSide;
  const int firstQuery = p.tokens - p.queries;
  const a4j_int64 keyHead =
      static_cast<a4j_int64>(b) * p.kv_heads + h / (p.heads / p.kv_heads);
  copyRows(memory.mine[0], p.packed_query,
           (static_cast<a4j_int64>(b) * p.heads + h) * p.query_rows + block * kSide);
  const Span queries = spanOf(p, b, firstToken, kSide);
  const REAL slope = slopeOf(p, h);
  REAL output[2][kColumns] = {};
  REAL maximum[2] = {-infinity<REAL>(), -infinity<REAL>()};
  REAL sum[2] = {};
  for (int first = 0; first < p.tokens; first += kSide) {
    if (classOf(p, queries, spanOf(p, b, first, kSide)) == kEmpty) {
      continue;
    }
    syncThreads();
    copyRows(memory.theirs[0], p.packed_key, keyHead * p.key_rows + first);
    copyRows(memory.theirs[1], p.packed_value, keyHead * p.key_rows + first);
    syncThreads();
    REAL scores[2][2] = {};
    multiplyTransposed(scores, memory.mine[0], memory.theirs[0]);
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        const int row = placeY() + i * kHalf;
        const int column = placeX() + j * kHalf;
        const int query = firstToken + row;
        const int key = first + column;
        if (slope != 0) {
          scores[i][j] -= slope * distanceOf(positionOf(p, b, query), positionOf(p, b, key));
        }
        if (!visible(p, queryDocumentOf(p, b, query), query, documentOf(p, b, key), key)) {
          scores[i][j] = -infinity<REAL>();
        }
        memory.scores[row][column] = scores[i][j];
      }
    }
    syncThreads();
    REAL shrink[2];
    REAL reference[2];
    for (int i = 0; i < 2; i++) {
      REAL highest = maximum[i];
      for (int k = 0; k < kSide; k++) {
        highest = larger(highest, memory.scores[placeY() + i * kHalf][k]);
      }
      reference[i] = highest == -infinity<REAL>() ? 0 : highest;
      shrink[i] = powerOfTwo(maximum[i] - reference[i]);
      maximum[i] = highest;
    }
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        memory.gradients[placeY() + i * kHalf][placeX() + j * kHalf] =
            powerOfTwo(scores[i][j] - reference[i]);  // the weight
      }
    }
    syncThreads();
    for (int i = 0; i < 2; i++) {
      REAL more = 0;
      for (int k = 0; k < kSide; k++) {
        more += memory.gradients[placeY() + i * kHalf][k];
      }
      sum[i] = sum[i] * shrink[i] + more;
      for (int j = 0; j < kColumns; j++) {
        output[i][j] *= shrink[i];
      }
    }
    addProduct(output, memory.gradients, memory.theirs[1]);
  }
  const REAL factor[2] = {sum[0] == 0 ? 0 : 1 / sum[0], sum[1] == 0 ? 0 : 1 / sum[1]};
  for (int i = 0; i < 2; i++) {
    const int t = firstToken + placeY() + i * kHalf - firstQuery;
    if (placeX() == 0 && t >= 0 && t < p.queries) {
      storeElement(p.log_sum_exp, rowOffset(p.log_sum_exp, b, h, t),
                   sum[i] == 0 ? -infinity<REAL>()
                               : static_cast<REAL>(kLn2) * (maximum[i] + logarithmToTwo(sum[i])));
    }
  }
  store<false>(p, p.output, b, h, output, factor, firstToken, firstQuery);
}

// Goes through the rows of the other side in one head and adds to the gradients of this side's
// rows: `scoreSums` of operands of scores, and for keys `otherSums` of values.
template <bool kOfKeys>
DEVICE void addHead(const AttentionParameters& p, int b, int firstToken, a4j_int64 head, REAL slope,
                    const REAL (&logSumExps)[2], const REAL (&deltas)[2],
                    REAL (&scoreSums)[2][kColumns], REAL (&otherSums)[2][kColumns]) {
  const Memory memory;
  const Span mine = spanOf(p, b, firstToken, kSide);
  const int start = kOfKeys ? queryStart(p) : 0;
  for (int first = start; first < p.tokens; first += kSide) {
    const Span theirs = spanOf(p, b, first, kSide);
    if ((kOfKeys ? classOf(p, theirs, mine) : classOf(p, mine, theirs)) == kEmpty) {
      continue;
    }
    syncThreads();
    const a4j_int64 row = head * (kOfKeys ? p.query_rows : p.key_rows) + first - start;
    copyRows(memory.theirs[0], kOfKeys ? p.packed_query : p.packed_key, row);
    copyRows(memory.theirs[1], kOfKeys ? p.packed_output_gradient : p.packed_value, row);
    for (int i = threadIndex(); kOfKeys && i < kSide; i += kThreads) {
      memory.logSumExps[i] = deviceMemory<const REAL>(p.row_log_sum_exp)[row + i];
      memory.deltas[i] = deviceMemory<const REAL>(p.row_delta)[row + i];
    }
    syncThreads();
    REAL scores[2][2] = {};
    REAL gradients[2][2] = {};
    multiplyTransposed(scores, memory.mine[0], memory.theirs[0]);
    multiplyTransposed(gradients, memory.mine[1], memory.theirs[1]);
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        const int myRow = placeY() + i * kHalf;
        const int theirRow = placeX() + j * kHalf;
        const int query = kOfKeys ? first + theirRow : firstToken + myRow;
        const int key = kOfKeys ? firstToken + myRow : first + theirRow;
        REAL score = scores[i][j];
        if (slope != 0) {
          score -= slope * distanceOf(positionOf(p, b, query), positionOf(p, b, key));
        }
        const bool seen =
            visible(p, queryDocumentOf(p, b, query), query, documentOf(p, b, key), key);
        const REAL logSumExp = kOfKeys ? memory.logSumExps[theirRow] : logSumExps[i];
        const REAL delta = kOfKeys ? memory.deltas[theirRow] : deltas[i];
        const REAL weight = seen ? powerOfTwo(score - logSumExp) : 0;
        memory.scores[myRow][theirRow] = weight;
        memory.gradients[myRow][theirRow] = seen ? weight * (gradients[i][j] - delta) : 0;
      }
    }
    syncThreads();
    addProduct(scoreSums, memory.gradients, memory.theirs[0]);
    if (kOfKeys) {
      addProduct(otherSums, memory.scores, memory.theirs[1]);
    }
  }
}

KERNEL(kThreads, attention_backward_keys, AttentionParameters) {
  const Memory memory;
  const int h = blockY();
  const int b = blockZ();
  const int firstToken = blockX() * kSide;
  const int group = p.heads / p.kv_heads;
  const a4j_int64 row = (static_cast<a4j_int64>(b) * p.kv_heads + h) * p.key_rows + firstToken;
  copyRows(memory.mine[0], p.packed_key, row);
  copyRows(memory.mine[1], p.packed_value, row);
  const REAL none[2] = {};
  REAL keyGradient[2][kColumns] = {};
  REAL valueGradient[2][kColumns] = {};
  for (int head = h * group; head < (h + 1) * group; head++) {
    addHead<true>(p, b, firstToken, static_cast<a4j_int64>(b) * p.heads + head, slopeOf(p, head),
                  none, none, keyGradient, valueGradient);
  }
  // Packed queries bear scale / ln 2.
  store<true>(p, p.key_gradient, b, h, keyGradient,
              {static_cast<REAL>(kLn2), static_cast<REAL>(kLn2)}, firstToken, 0);
  store<false>(p, p.value_gradient, b, h, valueGradient, {1, 1}, firstToken, 0);
}

KERNEL(kThreads, attention_backward_queries, AttentionParameters) {
  const Memory memory;
  const int block = gridX() - 1 - blockX();
  const int h = blockY();
  const int b = blockZ();
  const int firstToken = queryStart(p) + block * kSide;
  const a4j_int64 row = (static_cast<a4j_int64>(b) * p.heads + h) * p.query_rows + block * kSide;
  copyRows(memory.mine[0], p.packed_query, row);
  copyRows(memory.mine[1], p.packed_output_gradient, row);
  REAL logSumExps[2];
  REAL deltas[2];
  for (int i = 0; i < 2; i++) {
    const a4j_int64 at = row + placeY() + i * kHalf;
    logSumExps[i] = deviceMemory<const REAL>(p.row_log_sum_exp)[at];
    deltas[i] = deviceMemory<const REAL>(p.row_delta)[at];
  }
  REAL queryGradient[2][kColumns] = {};
  REAL none[2][kColumns];
  addHead<false>(p, b, firstToken,
                 static_cast<a4j_int64>(b) * p.kv_heads + h / (p.heads / p.kv_heads), slopeOf(p, h),
                 logSumExps, deltas, queryGradient, none);
  const auto scale = static_cast<REAL>(p.scale);
  store<true>(p, p.query_gradient, b, h, queryGradient, {scale, scale}, firstToken,
              p.tokens - p.queries);
}
