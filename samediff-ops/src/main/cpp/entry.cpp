// The entry points of anchor4j.h: find the instruction set's table, hold the engine, turn what went
// wrong into a status.
#include "anchor4j.h"

#include <new>

#include "kernels.h"
#include "scratch.h"
#include "threads.h"

namespace {

template <class F>
int call(int isa, F&& compute) {
  const a4j::Kernels* kernels = a4j::kernelsFor(isa);
  if (kernels == nullptr) {
    return A4J_UNSUPPORTED;
  }
  try {
    a4j::Call held;
    compute(*kernels);
    return A4J_OK;
  } catch (const a4j::OutOfMemory&) {
    return A4J_OUT_OF_MEMORY;
  } catch (const std::bad_alloc&) {
    return A4J_OUT_OF_MEMORY;
  }
}

}  // namespace

extern "C" {

int a4j_lacks(int isa) { return a4j::lacks(isa); }

void a4j_set_threads(int threads) { a4j::setThreads(threads < 1 ? 1 : threads); }

int a4j_threads(void) { return a4j::threads(); }

int a4j_attention_forward(int isa, const a4j_attention* attention) {
  return call(isa, [&](const a4j::Kernels& kernels) { kernels.attentionForward(*attention); });
}

}  // extern "C"
