// The forward kernel of attention_pairs.cu.
#pragma once

struct ForwardMemory {
  Bits* query[kPlanes];
  Bits* key[kPlanes];
  Bits* value;
  int* keyDocuments;
  int* keyPositions;

  DEVICE ForwardMemory() {
    Bits* at = reinterpret_cast<Bits*>(sharedMemory());
    for (int plane = 0; plane < kPlanes; plane++) {
      query[plane] = at + plane * kQueries * kStride;
      key[plane] = at + (kPlanes * kQueries + plane * kKeys) * kStride;
    }
    value = at + kPlanes * (kQueries + kKeys) * kStride;
    keyDocuments = reinterpret_cast<int*>(value + kKeys * kStride);
    keyPositions = keyDocuments + kKeys;
  }
};

// A thread's rows: two of each of its warp's blocks. Their documents and positions are looked up
// where they are wanted: they do not fit into the registers.
struct ForwardRows {
  int firstToken;
  float maximum[kBlocks][2];
  float sum[kBlocks][2];  // this thread's part of it

  DEVICE int token(int i, int half) const { return firstToken + i * 16 + half * 8; }
};

// Adds ALiBi and hides what is out of sight.
DEVICE void finishScores(const AttentionParameters& p, int b,
                         float (&scores)[kBlocks][kKeys / 8][4], const ForwardRows& rows,
                         const ForwardMemory& memory, int firstKey, bool whole, float slope) {
#pragma unroll
  for (int i = 0; i < kBlocks; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int token = rows.token(i, half);
      const int document = queryDocumentOf(p, b, token);
      const int position = positionOf(p, b, token);
#pragma unroll
      for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
          const int key = n * 8 + threadIndex() % 4 * 2 + e;
          float& score = scores[i][n][2 * half + e];
          if (slope != 0) {
            score -= slope * distanceOf(position, memory.keyPositions[key]);
          }
          if (!whole && !visible(p, document, token, memory.keyDocuments[key], firstKey + key)) {
            score = -infinity<float>();
          }
        }
      }
    }
  }
}

// Turns scores into weights under the new maximum and brings sums and output to it.
DEVICE void takeWeights(float (&scores)[kBlocks][kKeys / 8][4],
                        float (&output)[kBlocks][HEAD_DIM / 8][4], ForwardRows& rows) {
#pragma unroll
  for (int i = 0; i < kBlocks; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float maximum = rows.maximum[i][half];
#pragma unroll
      for (int n = 0; n < kKeys / 8; n++) {
        maximum = larger(maximum, larger(scores[i][n][2 * half], scores[i][n][2 * half + 1]));
      }
      maximum = larger(maximum, shuffleXor(maximum, 1));
      maximum = larger(maximum, shuffleXor(maximum, 2));
      const float reference = maximum == -infinity<float>() ? 0 : maximum;
      const float shrink = powerOfTwo(rows.maximum[i][half] - reference);
      rows.maximum[i][half] = maximum;
      float sum = rows.sum[i][half] * shrink;
#pragma unroll
      for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++) {
          scores[i][n][e] = powerOfTwo(scores[i][n][e] - reference);
          sum += scores[i][n][e];
        }
      }
      rows.sum[i][half] = sum;
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 8; n++) {
        output[i][n][2 * half] *= shrink;
        output[i][n][2 * half + 1] *= shrink;
      }
    }
  }
}

// Divides by the sums and stores log-sum-exps.
DEVICE void normalise(const AttentionParameters& p, int b, int h,
                      float (&output)[kBlocks][HEAD_DIM / 8][4], const ForwardRows& rows) {
#pragma unroll
  for (int i = 0; i < kBlocks; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float sum = rows.sum[i][half];
      sum += shuffleXor(sum, 1);
      sum += shuffleXor(sum, 2);
      const float inverse = sum == 0 ? 0 : 1 / sum;
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 8; n++) {
        output[i][n][2 * half] *= inverse;
        output[i][n][2 * half + 1] *= inverse;
      }
      const int t = rows.token(i, half) - (p.tokens - p.queries);
      if (threadIndex() % 4 == 0 && t >= 0 && t < p.queries) {
        const float logarithm =
            sum == 0 ? -infinity<float>()
                     : static_cast<float>(kLn2) * (rows.maximum[i][half] + logarithmToTwo(sum));
        storeElement(p.log_sum_exp, rowOffset(p.log_sum_exp, b, h, t), logarithm);
      }
    }
  }
}

KERNEL(kForwardThreads, attention_forward, AttentionParameters) {
  const ForwardMemory memory;
  // Under a causal mask the last queries see most: they go first.
  const int block = gridX() - 1 - blockX();
  const int h = blockY();
  const int b = blockZ();
  const int firstToken = queryStart(p) + block * kQueries;
  const a4j_int64 queryHead = static_cast<a4j_int64>(b) * p.heads + h;
  const a4j_int64 keyHead =
      static_cast<a4j_int64>(b) * p.kv_heads + h / (p.heads / p.kv_heads);
  const int steps = (p.tokens + kKeys - 1) / kKeys;
  const Span queries = spanOf(p, b, firstToken, kQueries);
  auto classOfStep = [&](int step) {
    return classOf(p, queries, spanOf(p, b, step * kKeys, kKeys));
  };
  auto next = [&](int from) {
    return nextStep(from, steps, [&](int step) { return classOfStep(step) == kEmpty; });
  };
  auto copyKeys = [&](int step) {
    for (int plane = 0; plane < kPlanes; plane++) {
      copyRows<HEAD_DIM, kKeys, kForwardThreads>(
          memory.key[plane], packedRows(plane == 0 ? p.packed_key : p.packed_key_low, keyHead,
                                        p.key_rows) + step * kKeys * HEAD_DIM);
    }
  };

  const int warpRow = threadIndex() / 32 * 16 * kBlocks;
  ForwardRows rows;
  rows.firstToken = firstToken + warpRow + threadIndex() % 32 / 4;
#pragma unroll
  for (int i = 0; i < kBlocks; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      rows.maximum[i][half] = -infinity<float>();
      rows.sum[i][half] = 0;
    }
  }
  float output[kBlocks][HEAD_DIM / 8][4] = {};
  const float slope = slopeOf(p, h);

  for (int plane = 0; plane < kPlanes; plane++) {
    copyRows<HEAD_DIM, kQueries, kForwardThreads>(
        memory.query[plane], packedRows(plane == 0 ? p.packed_query : p.packed_query_low, queryHead,
                                        p.query_rows) + block * kQueries * HEAD_DIM);
  }
  int step = next(0);
  if (step < steps) {
    copyKeys(step);
  }
  commitCopies();
  while (step < steps) {
    waitForCopies<0>();
    syncThreads();  // the keys are there, and nobody needs the values of the step before
    copyRows<HEAD_DIM, kKeys, kForwardThreads>(
        memory.value,
        packedRows(p.packed_value, keyHead, p.key_rows) + step * kKeys * HEAD_DIM);
    commitCopies();
    for (int i = threadIndex(); i < kKeys; i += kForwardThreads) {
      memory.keyDocuments[i] = documentOf(p, b, step * kKeys + i);
      memory.keyPositions[i] = positionOf(p, b, step * kKeys + i);
    }
    // Before there are scores, which leave few registers for anything else.
    const int following = next(step + 1);
    const bool whole = classOfStep(step) == kWhole;
    float scores[kBlocks][kKeys / 8][4] = {};
    multiplyScores<HEAD_DIM, kBlocks, kKeys, kPairs>(
        scores, memory.query[0] + warpRow * kStride, memory.query[kPlanes - 1] + warpRow * kStride,
        memory.key[0], memory.key[kPlanes - 1]);
    waitForCopies<0>();
    syncThreads();  // the values are there, and nobody needs the keys
    if (following < steps) {
      copyKeys(following);
    }
    commitCopies();
    if (!whole || slope != 0) {
      finishScores(p, b, scores, rows, memory, step * kKeys, whole, slope);
    }
    takeWeights(scores, output, rows);
    multiplyRounded<HEAD_DIM, kBlocks, kKeys>(output, scores, memory.value);
    step = following;
  }
  waitForCopies<0>();
  normalise(p, b, h, output, rows);
  syncThreads();  // nobody needs what the output is put in the place of
  auto* staged = reinterpret_cast<float*>(sharedMemory());
  stage<HEAD_DIM, kBlocks>(staged + warpRow * (HEAD_DIM + 4), output, 1);
  syncThreads();
  const int end = firstToken + kQueries < p.tokens ? firstToken + kQueries : p.tokens;
  storeHead<float, false>(p, p.output, b, h, staged, HEAD_DIM + 4, firstToken,
                          p.tokens - p.queries, end, p.tokens - p.queries);
}
