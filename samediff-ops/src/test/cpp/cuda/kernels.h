// The emulated kernels, by name, as a module's functions are looked up on a GPU.
#pragma once

#include <parameters.cuh>

namespace emulator {

template <class Parameters>
struct Kernel {
  void (*run)(const Parameters& p);
  int threads;
};

// Attention of one head dimension and format.
struct AttentionModule {
  int headDim;
  int format;  // kPackFloat32 and so on
  Kernel<AttentionParameters> forward;
  Kernel<AttentionParameters> backwardKeys;
  Kernel<AttentionParameters> backwardQueries;
};

// Modules register themselves, so that the build decides which there are; null if there is none.
const AttentionModule* attentionModule(int headDim, int format);
bool registerModule(const AttentionModule& module);

struct PrepareModule {
  Kernel<AttentionParameters> tiles;
  Kernel<AttentionParameters> pack;
  Kernel<RotaryAnglesParameters> rotaryAngles;
};
const PrepareModule& prepareModule();

}  // namespace emulator

#define EMULATED(kernel) \
  { kernel, kernel##_threads }
