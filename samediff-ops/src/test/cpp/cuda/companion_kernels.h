// The emulated kernels of the ops around attention.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "emulator.h"
#include "kernels.h"

namespace emulator {

struct CompanionsModule {
  Kernel<ConvertParameters> convert;
  Kernel<GatedSiluParameters> gatedSilu;
  Kernel<GatedSiluParameters> gatedSiluGradient;
  Kernel<RotaryParameters> rotary;
  Kernel<RotaryAnglesParameters> rotaryAngles;
  Kernel<AdamWParameters> adamw;
  Kernel<RmsNormParameters> rmsNorm;
  Kernel<RmsNormParameters> rmsNormGradient;
  Kernel<ColumnSumsParameters> columnSums;
  Kernel<SumOfSquaresParameters> sumOfSquares;
  Kernel<SumPartsParameters> sumParts;
  Kernel<CrossEntropyParameters> crossEntropyStatistics;
  Kernel<CrossEntropyParameters> crossEntropyFinish;
  Kernel<CrossEntropyParameters> crossEntropyGradient;
  // How the kernels read and write an element of any type.
  double (*load)(const Array& array, a4j_int64 offset);
  void (*store)(const Array& array, a4j_int64 offset, double x);
};
const CompanionsModule& companions();

// Blocks have 256 threads and no dynamic shared memory.
template <class Parameters>
void launchKernel(const Kernel<Parameters>& kernel, int grid, const Parameters& p) {
  if (kernel.threads != 256) {
    std::printf("a kernel of %d threads\n", kernel.threads);
    std::abort();
  }
  launch(grid, 1, 1, 256, 0, [&] { kernel.run(p); });
}

}  // namespace emulator
