// Runs CUDA kernels on the processor: every thread of a block is a fibre with a stack of its own,
// which runs until it comes to a barrier or to something that a warp does together. Blocks run one
// after the other on a few threads.
//
// What a GPU would leave to chance is made to show: shared memory is NaN before each block and lies
// alone on the heap, where the address sanitizer watches its ends; asynchronous copies arrive when
// they are waited for and no sooner; fibres run in the order or in the reverse, which must give the
// same bits; lanes that do not do the same together, or wait for what never comes, end the program.
#pragma once

#include <functional>

namespace emulator {

struct Place {
  int thread;
  int threads;
  int block[3];
  int grid[3];
};

extern thread_local Place place;
extern bool reversed;  // whether fibres run last to first

void launch(int x, int y, int z, int threads, long sharedBytes,
            const std::function<void()>& kernel);

char* sharedMemory();

// 256 bytes more that the block's threads share.
double* blockScratch();

// Fails unless [from, from + bytes) is the block's, and aligned to 16.
void checkShared(const void* from, int bytes);

// Waits for the block's other threads.
void syncThreads();

// Gives what each of the warp's lanes brings to `compute`, once all are here.
using Compute = void (*)(void* const* lanes);
void together(Compute compute, void* mine);

void copyAsync(void* to, const void* from);
void commitCopies();
void waitForCopies(int pending);

}  // namespace emulator
