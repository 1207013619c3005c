// The backward kernels of attention_pairs.cu: a block holds rows of one side, queries or keys, and
// goes through those of the other.
#pragma once

// Operands of scores, in planes, and beside them what weight gradients are a product of: queries
// and gradients of outputs, or keys and values.
struct Side {
  Bits* score[kPlanes];
  Bits* other;

  DEVICE Side(Bits* at, int rows) {
    for (int plane = 0; plane < kPlanes; plane++) {
      score[plane] = at + plane * rows * kStride;
    }
    other = at + kPlanes * rows * kStride;
  }
};

// What a thread knows of a row, a query or a key.
struct Row {
  int token;
  int document;
  int position;
  float logSumExp;  // of a query
  float delta;      // of a query
};

// What is known of the rows of a step, in shared memory.
struct Known {
  int* documents;
  int* positions;
  float* logSumExps;
  float* deltas;

  DEVICE explicit Known(char* at) {
    documents = reinterpret_cast<int*>(at);
    positions = documents + kStep;
    logSumExps = reinterpret_cast<float*>(positions + kStep);
    deltas = logSumExps + kStep;
  }
};

// One block of queries (kOfKeys false) against keys, or of keys against queries of a head.
template <bool kOfKeys>
struct Backward {
  const AttentionParameters& p;
  const int b;
  const int firstToken;  // of the block
  const Span span;
  const int steps;
  const Side mine;

  DEVICE Backward(const AttentionParameters& p, int b, int firstToken)
      : p(p),
        b(b),
        firstToken(firstToken),
        span(spanOf(p, b, firstToken, kRows)),
        steps((p.tokens - (kOfKeys ? queryStart(p) : 0) + kStep - 1) / kStep),
        mine(reinterpret_cast<Bits*>(sharedMemory()), kRows) {}

  DEVICE int stepToken(int step) const { return (kOfKeys ? queryStart(p) : 0) + step * kStep; }

  DEVICE int classOfStep(int step) const {
    const Span theirs = spanOf(p, b, stepToken(step), kStep);
    return kOfKeys ? classOf(p, theirs, span) : classOf(p, span, theirs);
  }

  DEVICE int next(int from) const {
    return nextStep(from, steps, [&](int step) { return classOfStep(step) == kEmpty; });
  }

  DEVICE Side theirs(int stage) const {
    return Side(reinterpret_cast<Bits*>(sharedMemory()) +
                    ((kPlanes + 1) * (kRows + stage * kStep)) * kStride,
                kStep);
  }

  DEVICE Known known(int stage) const {
    return Known(sharedMemory() +
                 (kPlanes + 1) * (kRows + kStages * kStep) * kStride * sizeof(Bits) +
                 stage * kStep * 16);
  }

  // Starts to copy rows of queries or keys, from row `row` on.
  template <bool kQueriesOnes, int kCount>
  DEVICE void copySide(const Side& to, a4j_int64 head, int row) const {
    const int rows = kQueriesOnes ? p.query_rows : p.key_rows;
    for (int plane = 0; plane < kPlanes; plane++) {
      const a4j_address from = kQueriesOnes ? (plane == 0 ? p.packed_query : p.packed_query_low)
                                            : (plane == 0 ? p.packed_key : p.packed_key_low);
      copyRows<HEAD_DIM, kCount, kBackwardThreads>(to.score[plane],
                                                   packedRows(from, head, rows) + row * HEAD_DIM);
    }
    copyRows<HEAD_DIM, kCount, kBackwardThreads>(
        to.other, packedRows(kQueriesOnes ? p.packed_output_gradient : p.packed_value, head, rows) +
                      row * HEAD_DIM);
  }

  DEVICE void copyStep(int step, int stage, a4j_int64 head) const {
    copySide<kOfKeys, kStep>(theirs(stage), head, step * kStep);
    const Known to = known(stage);
    for (int i = threadIndex(); i < kStep; i += kBackwardThreads) {
      const int token = stepToken(step) + i;
      to.documents[i] = kOfKeys ? queryDocumentOf(p, b, token) : documentOf(p, b, token);
      to.positions[i] = positionOf(p, b, token);
      if (kOfKeys) {
        const a4j_int64 row = head * p.query_rows + step * kStep + i;
        to.logSumExps[i] = deviceMemory<const float>(p.row_log_sum_exp)[row];
        to.deltas[i] = deviceMemory<const float>(p.row_delta)[row];
      }
    }
  }

  // The weights of a step, and the gradients of its scores in place of those of the weights.
  DEVICE void finish(float (&weights)[1][kStep / 8][4], float (&gradients)[1][kStep / 8][4],
                     const Row (&rows)[2], int step, int stage, bool whole, float slope) const {
    const Known others = known(stage);
#pragma unroll
    for (int n = 0; n < kStep / 8; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int i = n * 8 + threadIndex() % 4 * 2 + e % 2;
        const Row& row = rows[e / 2];
        const int token = stepToken(step) + i;
        float score = weights[0][n][e];
        if (slope != 0) {
          score -= slope * distanceOf(row.position, others.positions[i]);
        }
        const bool seen =
            whole || (kOfKeys ? visible(p, others.documents[i], token, row.document, row.token)
                              : visible(p, row.document, row.token, others.documents[i], token));
        const float logSumExp = kOfKeys ? others.logSumExps[i] : row.logSumExp;
        const float delta = kOfKeys ? others.deltas[i] : row.delta;
        const float weight = seen ? powerOfTwo(score - logSumExp) : 0;
        weights[0][n][e] = weight;
        gradients[0][n][e] = seen ? weight * (gradients[0][n][e] - delta) : 0;
      }
    }
  }

  // Goes through the steps of one head of the other side and adds to the gradients of the rows:
  // `scoreSums` of operands of scores, and for keys `otherSums` of values.
  DEVICE void addHead(a4j_int64 head, const Row (&rows)[2], float slope,
                      float (&scoreSums)[1][HEAD_DIM / 8][4],
                      float (&otherSums)[1][HEAD_DIM / 8][4]) const {
    const int warpRow = threadIndex() / 32 * 16;
    int step = next(0);
    int stage = 0;
    if (kStages == 2 && step < steps) {
      copyStep(step, stage, head);
    }
    commitCopies();
    while (step < steps) {
      const int following = next(step + 1);
      if (kStages == 1) {
        copyStep(step, 0, head);
      } else if (following < steps) {
        copyStep(following, 1 - stage, head);
      }
      commitCopies();
      waitForCopies<kStages - 1>();
      syncThreads();
      const Side others = theirs(stage);
      float weights[1][kStep / 8][4] = {};
      multiplyScores<HEAD_DIM, 1, kStep, kPairs>(
          weights, mine.score[0] + warpRow * kStride, mine.score[kPlanes - 1] + warpRow * kStride,
          others.score[0], others.score[kPlanes - 1]);
      float gradients[1][kStep / 8][4] = {};
      multiplyTransposed<HEAD_DIM, 1, kStep>(gradients, mine.other + warpRow * kStride,
                                             others.other);
      finish(weights, gradients, rows, step, stage, classOfStep(step) == kWhole, slope);
      if (kOfKeys) {
        multiplyRounded<HEAD_DIM, 1, kStep>(otherSums, weights, others.other);
      }
      multiplyRounded<HEAD_DIM, 1, kStep>(scoreSums, gradients, others.score[0]);
      syncThreads();  // nobody needs this stage
      step = following;
      stage = kStages - 1 - stage;
    }
  }

  // Stores a block's sums; all threads come here, and nobody needs shared memory any more.
  template <bool kTurns>
  DEVICE void store(const Array& to, int h, const float (&sums)[1][HEAD_DIM / 8][4],
                    float factor) const {
    auto* staged = reinterpret_cast<float*>(sharedMemory());
    const int origin = kOfKeys ? 0 : p.tokens - p.queries;
    const int end = firstToken + kRows < p.tokens ? firstToken + kRows : p.tokens;
    stage<HEAD_DIM, 1>(staged + threadIndex() / 32 * 16 * (HEAD_DIM + 4), sums, factor);
    syncThreads();
    storeHead<float, kTurns>(p, to, b, h, staged, HEAD_DIM + 4, firstToken, origin, end, origin);
    syncThreads();
  }
};

KERNEL(kBackwardThreads, attention_backward_keys, AttentionParameters) {
  const int h = blockY();
  const int b = blockZ();
  const int group = p.heads / p.kv_heads;
  const Backward<true> block(p, b, blockX() * kRows);
  block.copySide<false, kRows>(block.mine, static_cast<a4j_int64>(b) * p.kv_heads + h,
                               block.firstToken);
  commitCopies();
  Row rows[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int token =
        block.firstToken + threadIndex() / 32 * 16 + half * 8 + threadIndex() % 32 / 4;
    rows[half] = {token, documentOf(p, b, token), positionOf(p, b, token), 0, 0};
  }
  float keyGradient[1][HEAD_DIM / 8][4] = {};
  float valueGradient[1][HEAD_DIM / 8][4] = {};
  for (int head = h * group; head < (h + 1) * group; head++) {
    block.addHead(static_cast<a4j_int64>(b) * p.heads + head, rows, slopeOf(p, head), keyGradient,
                  valueGradient);
  }
  waitForCopies<0>();
  syncThreads();
  // Packed queries bear scale / ln 2.
  block.store<true>(p.key_gradient, h, keyGradient, static_cast<float>(kLn2));
  block.store<false>(p.value_gradient, h, valueGradient, 1);
}

KERNEL(kBackwardThreads, attention_backward_queries, AttentionParameters) {
  const int blockOfQueries = gridX() - 1 - blockX();
  const int h = blockY();
  const int b = blockZ();
  const a4j_int64 head = static_cast<a4j_int64>(b) * p.heads + h;
  const Backward<false> block(p, b, queryStart(p) + blockOfQueries * kRows);
  block.copySide<true, kRows>(block.mine, head, blockOfQueries * kRows);
  commitCopies();
  Row rows[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int row = blockOfQueries * kRows + threadIndex() / 32 * 16 + half * 8 +
                    threadIndex() % 32 / 4;
    const int token = queryStart(p) + row;
    rows[half] = {token, queryDocumentOf(p, b, token), positionOf(p, b, token),
                  deviceMemory<const float>(p.row_log_sum_exp)[head * p.query_rows + row],
                  deviceMemory<const float>(p.row_delta)[head * p.query_rows + row]};
  }
  float queryGradient[1][HEAD_DIM / 8][4] = {};
  float none[1][HEAD_DIM / 8][4];
  block.addHead(static_cast<a4j_int64>(b) * p.kv_heads + h / (p.heads / p.kv_heads), rows,
                slopeOf(p, h), queryGradient, none);
  waitForCopies<0>();
  syncThreads();
  block.store<true>(p.query_gradient, h, queryGradient, static_cast<float>(p.scale));
}
