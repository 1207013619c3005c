// Measures the roofline: multiply-adds whose operands never leave the registers, on all threads.
// peak THREADS prints a line for each instruction set that this machine has: TYPE SET GFLOP/S.
//
// The instructions of the kernels without their loads: what no kernel can exceed.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

// Runs `loop(iterations)` on all threads for a while and prints the best rate.
template <class Loop>
void report(const char* name, int threads, double flopsPerIteration, Loop loop) {
  constexpr int64_t kIterations = 4'000'000;  // 10 ms, so that some rounds are not disturbed
  double best = 0;
  for (int round = 0; round < 60; round++) {
    std::vector<std::thread> others;
    auto start = std::chrono::steady_clock::now();
    for (int i = 1; i < threads; i++) {
      others.emplace_back([&] { loop(kIterations); });
    }
    loop(kIterations);
    for (std::thread& other : others) {
      other.join();
    }
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, threads * kIterations * flopsPerIteration / seconds.count() / 1e9);
  }
  std::printf("%s %.1f\n", name, best);
}

#if defined(__x86_64__)

// Twelve sums hide the latency of any multiply-add there is: at most six cycles, two of them begun
// in a cycle. In assembly: compilers keep some of the sums of such a loop in memory.
#define SUM(instruction, width, sum) instruction " %%" width "0, %%" width "0, %%" width sum "\n"
#define TWELVE_SUMS(instruction, width) \
  SUM(instruction, width, "4")          \
  SUM(instruction, width, "5")          \
  SUM(instruction, width, "6")          \
  SUM(instruction, width, "7")          \
  SUM(instruction, width, "8")          \
  SUM(instruction, width, "9")          \
  SUM(instruction, width, "10")         \
  SUM(instruction, width, "11")         \
  SUM(instruction, width, "12")         \
  SUM(instruction, width, "13")         \
  SUM(instruction, width, "14")         \
  SUM(instruction, width, "15")
#define VECTOR_LOOP(name, instruction, width)                                                    \
  void name(int64_t iterations) {                                                                \
    asm volatile("vzeroall\n1:\n" TWELVE_SUMS(instruction, width) "dec %0\njnz 1b"               \
                 : "+r"(iterations)                                                              \
                 :                                                                               \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                \
  }

VECTOR_LOOP(avx2Float, "vfmadd231ps", "ymm")
VECTOR_LOOP(avx512Float, "vfmadd231ps", "zmm")
VECTOR_LOOP(avx512Bfloat16, "vdpbf16ps", "zmm")

// Four tiles of sums from two by two tiles of operands.
__attribute__((target("amx-tile,amx-bf16"))) void amxBfloat16(int64_t iterations) {
  struct alignas(64) {
    uint8_t palette = 1;
    uint8_t start = 0;
    uint8_t reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } shapes;
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t i = 0; i < iterations / 16; i++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

// Linux hands out the tiles' state on request only.
bool mayUseTiles() {
  constexpr int kRequestPermission = 0x1023;
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool hasTiles() {
  unsigned a, b, c, d;
  asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  return (d >> 22 & 1) != 0 && (d >> 24 & 1) != 0;  // AMX-BF16 and AMX-TILE
}

#endif

}  // namespace

int main(int argc, char** argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    report("float32 AVX2", threads, 12 * 8 * 2, avx2Float);
  }
  if (__builtin_cpu_supports("avx512f")) {
    report("float32 AVX-512", threads, 12 * 16 * 2, avx512Float);
  }
  if (__builtin_cpu_supports("avx512bf16")) {
    report("bfloat16 AVX-512", threads, 12 * 32 * 2, avx512Bfloat16);
  }
  if (hasTiles() && mayUseTiles()) {
    report("bfloat16 AMX", threads, 4 * 16 * 16 * 32 * 2 / 16.0, amxBfloat16);
  }
#else
  (void)threads;
#endif
  return 0;
}
