// What every entry point does: find the instruction set's table, hold the engine, turn what went
// wrong into a status.
#pragma once

#include <exception>
#include <new>

#include "anchor4j.h"
#include "kernels.h"
#include "scratch.h"
#include "threads.h"

namespace a4j {

template <class F>
int call(int isa, F&& compute) {
  const Kernels* kernels = kernelsFor(isa);
  if (kernels == nullptr) {
    return A4J_UNSUPPORTED;
  }
  try {
    Call held;
    compute(*kernels);
    return A4J_OK;
  } catch (const OutOfMemory&) {
    return A4J_OUT_OF_MEMORY;
  } catch (const std::bad_alloc&) {
    return A4J_OUT_OF_MEMORY;
  } catch (const std::exception&) {
    return A4J_FAILED;
  }
}

}  // namespace a4j
