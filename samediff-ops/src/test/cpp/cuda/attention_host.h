// What the host does for one attention: scratch, parameters, launches. As Java does it on a GPU, by
// the formulae of parameters.cuh.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "emulator.h"
#include "kernels.h"

namespace emulator {

// Device memory, aligned as a GPU's is. What is in it before is NaN.
class Memory {
 public:
  explicit Memory(size_t bytes) : words_((bytes + 15) / 16, Word{{-1, -1}}) {}
  a4j_address address() { return reinterpret_cast<a4j_address>(words_.data()); }

 private:
  struct alignas(16) Word {
    a4j_int64 at[2];
  };
  std::vector<Word> words_;
};

inline int up(int x, int n) { return (x + n - 1) / n * n; }

template <class Parameters>
void launchKernel(const Kernel<Parameters>& kernel, int x, int y, int z, int threads, long shared,
                  const Parameters& p) {
  if (kernel.threads != threads || shared > 99 << 10) {
    std::printf("launch of %d threads for a kernel of %d, %ld shared bytes\n", threads,
                kernel.threads, shared);
    std::abort();
  }
  launch(x, y, z, threads, shared, [&] { kernel.run(p); });
}

// Rows a block, threads and shared bytes of the kernels of attention.
struct Launches {
  int forwardRows, forwardThreads, backwardRows, backwardThreads;
  long forwardBytes, backwardBytes;

  Launches(int headDim, int format) {
    if (format == kPackBfloat16 || format == kPackPair) {
      const int pairs = format == kPackPair;
      const int planes = 1 + pairs;
      const bool wide = headDim > 128;
      const int keys = !wide ? 64 : pairs ? 16 : 32;
      const int step = wide ? 16 : pairs ? 32 : 64;
      forwardRows = pairs || wide ? 64 : 128;
      forwardThreads = 128;
      forwardBytes = 2L * (headDim + 8) * (forwardRows * planes + keys * (planes + 1)) + 8 * keys;
      backwardRows = pairs && wide ? 32 : 64;
      backwardThreads = 2 * backwardRows;
      backwardBytes = 2L * (headDim + 8) * (planes + 1) * (backwardRows + step) + 16 * step;
    } else {
      const int width = format == kPackFloat64 ? 8 : 4;
      const int side = headDim * width <= 512 ? 32 : headDim * width <= 1024 ? 16 : 8;
      forwardRows = backwardRows = side;
      forwardThreads = backwardThreads = side * side / 4;
      forwardBytes = backwardBytes =
          (4L * side * (headDim + 1) + 2L * side * (side + 1)) * width + 32 * side;
    }
  }
};

// Forward if `p` has no output gradient, else backward. Fills in all that is scratch and size.
inline void attend(AttentionParameters p) {
  const bool backward = p.output_gradient.data != 0;
  p.packed_dim = up(p.head_dim, 16);
  p.query_rows = up(p.tokens - (p.tokens - p.queries) / 64 * 64, 128);
  p.key_rows = up(p.tokens, 128);
  const bool narrow = p.format == kPackBfloat16 || p.format == kPackPair;
  const size_t width = narrow ? 2 : p.format == kPackFloat64 ? 8 : 4;
  const size_t queries = static_cast<size_t>(p.batch) * p.heads * p.query_rows;
  const size_t keys = static_cast<size_t>(p.batch) * p.kv_heads * p.key_rows;
  const size_t row = p.packed_dim * width;
  const int tiles = up(p.tokens, 64) / 64;
  Memory tileMemory(16ul * p.batch * tiles);
  Memory query(queries * row), queryLow(queries * row), key(keys * row), keyLow(keys * row);
  Memory value(keys * row), gradient(queries * row), sums(queries * 8), deltas(queries * 8);
  p.tiles = tileMemory.address();
  p.packed_query = query.address();
  p.packed_query_low = queryLow.address();
  p.packed_key = key.address();
  p.packed_key_low = keyLow.address();
  p.packed_value = value.address();
  p.packed_output_gradient = gradient.address();
  p.row_log_sum_exp = sums.address();
  p.row_delta = deltas.address();

  const AttentionModule* module = attentionModule(p.packed_dim, p.format);
  if (module == nullptr) {
    std::printf("no module of head dimension %d, format %d\n", p.packed_dim, p.format);
    std::abort();
  }
  const PrepareModule& prepare = prepareModule();
  const Launches l(p.packed_dim, p.format);
  launchKernel(prepare.tiles, tiles, p.batch, 1, 32, 0, p);
  launchKernel(prepare.pack, (p.query_rows > p.key_rows ? p.query_rows : p.key_rows) / 8,
               p.heads + 2 * p.kv_heads + (backward ? p.heads : 0), p.batch, 256, 0, p);
  if (!backward) {
    launchKernel(module->forward, up(p.query_rows, l.forwardRows) / l.forwardRows, p.heads,
                 p.batch, l.forwardThreads, l.forwardBytes, p);
    return;
  }
  launchKernel(module->backwardKeys, up(p.tokens, l.backwardRows) / l.backwardRows, p.kv_heads,
               p.batch, l.backwardThreads, l.backwardBytes, p);
  launchKernel(module->backwardQueries, up(p.query_rows, l.backwardRows) / l.backwardRows, p.heads,
               p.batch, l.backwardThreads, l.backwardBytes, p);
}

}  // namespace emulator
