// AMX: products of bfloat16 by tiles, many times faster than any by vectors; all else by AVX-512.
#include "amx_product.h"
#include "attention_backward.h"
#include "attention_forward.h"
#include "companions.h"
#include "few_rows.h"
#include "kernels.h"
#include "words_avx512bf16.h"

namespace a4j {
namespace {

// What this thread's tile registers are shaped for: 0 rows where that is unknown.
thread_local int shapedRows = 0;
thread_local int shapedTail = 0;

// Written out, because GCC 12's own functions want literal numbers of registers and do not tell
// the compiler that they read and write memory.
struct HardwareTiles {
  static void shape(int rows, int tail) {
    if (rows == shapedRows && (tail == 0 || tail == shapedTail)) {
      return;
    }
    struct alignas(64) {
      uint8_t palette = 1;
      uint8_t startRow = 0;
      uint8_t reserved[14] = {};
      uint16_t bytes[16] = {};
      uint8_t rows[16] = {};
    } shapes;
    for (int i = 0; i < 6; i++) {
      shapes.rows[i] = static_cast<uint8_t>(i == 5 ? kTile : rows);
      shapes.bytes[i] = kTile * sizeof(uint32_t);
    }
    if (tail > 0) {
      shapes.rows[6] = static_cast<uint8_t>(rows);
      shapes.bytes[6] = static_cast<uint16_t>(tail * sizeof(uint32_t));
      shapes.rows[7] = static_cast<uint8_t>(tail);
      shapes.bytes[7] = kTile * sizeof(uint32_t);
    }
    static_assert(sizeof shapes == 64, "the layout of LDTILECFG's operand");
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
    shapedRows = rows;
    shapedTail = tail;
  }

  static void release() {
    __asm__ volatile("tilerelease");
    shapedRows = 0;
  }

  template <int kRegister>
  static void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(kRegister));
  }
  template <int kRegister>
  static void load(const void* from, int64_t stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2"
                     :
                     : "r"(from), "r"(stride * 4), "i"(kRegister)
                     : "memory");
  }
  template <int kRegister>
  static void store(void* to, int64_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)"
                     :
                     : "r"(to), "r"(stride * 4), "i"(kRegister)
                     : "memory");
  }
  template <int kSums, int kA, int kB>
  static void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
};

using Float = VectorProduct<FloatWords<Avx512Lanes, false>>;
using Pairs = AmxProduct<HardwareTiles, PairWords>;
using Split = AmxProduct<HardwareTiles, SplitWords<PairWords>>;

}  // namespace

const Kernels kAmxBf16Kernels = {companionsOn<Avx512Lanes>(), fewRowsOn<Avx512Lanes, PairWords>(),
                                 attentionForward<Float, Pairs, Split>,
                                 attentionBackward<Float, Pairs, Split>};

}  // namespace a4j
