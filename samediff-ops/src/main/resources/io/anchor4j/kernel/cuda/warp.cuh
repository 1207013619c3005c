// All that is the machine's own: where a thread stands, barriers, what the lanes of a warp do
// together, conversions. The tests put an emulator in place of this file, so that what the kernels
// compute is checked on machines without a GPU.
//
// Inline PTX, because NVRTC comes without CUDA's headers; compute capability 8.0.
#pragma once

// CUDA 11.7 knows it: parameters are then read where they lie, whatever the compiler makes of calls.
#if __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1107
#define GRID_CONSTANT __grid_constant__
#else
#define GRID_CONSTANT
#endif
#define DEVICE __device__ __forceinline__
#define KERNEL(threads, name, Parameters) \
  extern "C" __global__ void __launch_bounds__(threads) name(const GRID_CONSTANT Parameters p)

DEVICE int threadIndex() { return threadIdx.x; }

// The same, read again at every call: what is computed from it takes no registers in between.
DEVICE int threadIndexAgain() {
  int thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
}

DEVICE int blockThreads() { return blockDim.x; }
DEVICE int blockX() { return blockIdx.x; }
DEVICE int blockY() { return blockIdx.y; }
DEVICE int blockZ() { return blockIdx.z; }
DEVICE int gridX() { return gridDim.x; }

// The block's dynamic shared memory, aligned to 16 bytes.
DEVICE char* sharedMemory() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}

// 32 numbers that a block shares beside that.
template <class Real>
DEVICE Real* blockScratch() {
  __shared__ double memory[32];
  return reinterpret_cast<Real*>(memory);
}

template <class T>
DEVICE T* deviceMemory(unsigned long long address) {
  return reinterpret_cast<T*>(address);
}

DEVICE void syncThreads() { __syncthreads(); }

// Bit i of the result is lane i's vote.
DEVICE unsigned ballot(bool vote) { return __ballot_sync(0xffffffffu, vote); }
DEVICE int lowestBit(unsigned bits) { return __ffs(static_cast<int>(bits)) - 1; }

// The value of the lane whose number differs in the bits of `mask`.
template <class T>
DEVICE T shuffleXor(T x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}

DEVICE unsigned bitsOf(float x) { return __float_as_uint(x); }
DEVICE float floatOf(unsigned bits) { return __uint_as_float(bits); }

DEVICE float floatOfFloat16(unsigned short x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x));
  return wide;
}

DEVICE unsigned short float16Of(float x) {
  unsigned short narrow;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow) : "f"(x));
  return narrow;
}

// Two bfloat16, rounded to nearest even: `low` in the lower half.
DEVICE unsigned pairOf(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// To 2 units in the last place; results below the normal range are 0.
DEVICE float powerOfTwo(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}
DEVICE double powerOfTwo(double x) { return exp2(x); }
DEVICE float logarithmToTwo(float x) { return log2f(x); }
DEVICE double logarithmToTwo(double x) { return log2(x); }
DEVICE float exponential(float x) { return expf(x); }
DEVICE double exponential(double x) { return exp(x); }
DEVICE float logarithm(float x) { return logf(x); }
DEVICE double logarithm(double x) { return log(x); }
DEVICE float squareRoot(float x) { return sqrtf(x); }
DEVICE double squareRoot(double x) { return sqrt(x); }
DEVICE float larger(float x, float y) { return fmaxf(x, y); }
DEVICE double larger(double x, double y) { return fmax(x, y); }
DEVICE void sineAndCosine(double x, double* sine, double* cosine) { sincos(x, sine, cosine); }

DEVICE unsigned sharedAddress(const void* shared) {
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}

// Four 8 x 8 matrices of bfloat16 from shared memory: lane i gives the address of row i % 8 of
// matrix i / 8 and gets of each matrix row i / 4, columns 2 (i % 4) and the next.
DEVICE void loadMatrices(unsigned (&matrices)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// The same with each matrix transposed: lane i gets column i / 4, rows 2 (i % 4) and the next.
DEVICE void loadMatricesTransposed(unsigned (&matrices)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// sums [16 x 8] += a [16 x 16] b [16 x 8], bfloat16 into float32. With g = lane / 4 and
// t = 2 (lane % 4): sums holds (g, t), (g, t + 1), (g + 8, t), (g + 8, t + 1); a the pairs from
// (g, t), (g + 8, t), (g, t + 8), (g + 8, t + 8); b0 and b1 those of column g from rows t, t + 8.
DEVICE void multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Starts a copy of 16 bytes to shared memory, past the registers.
DEVICE void copyAsync(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
               :
               : "r"(sharedAddress(shared)), "l"(global)
               : "memory");
}

// Copies started since the last call are a group from here on.
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most the newest kPending groups of this thread are under way.
template <int kPending>
DEVICE void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}
