// The provider's own threads: one lasting pool for the process, whoever calls.
#pragma once

#include <cstdint>
#include <type_traits>

namespace a4j {

// How many threads compute, the caller's among them.
int threads();
void setThreads(int count);

// Holds the engine for one call: calls from other threads wait for its end.
class Call {
 public:
  Call();
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};

using Task = void (*)(void* context, int64_t index, int worker);

// Runs task(context, 0..count-1, worker), handing indices out in ascending order; worker is in
// [0, threads()). Only inside a Call. What a task computes must not depend on worker.
void parallel(int64_t count, Task task, void* context);

// The same for a lambda (index, worker).
template <class F>
static inline void parallelFor(int64_t count, F&& f) {
  using Function = typename std::remove_reference<F>::type;
  parallel(
      count,
      [](void* context, int64_t index, int worker) {
        (*static_cast<Function*>(context))(index, worker);
      },
      &f);
}

// Waits a moment for another task; `spins` counts how often already.
void relax(int spins);

}  // namespace a4j
