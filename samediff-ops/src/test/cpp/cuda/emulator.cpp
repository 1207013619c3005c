#include "emulator.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

// Stores what a function must keep on the stack, changes stacks and goes on there.
asm(R"(
.text
.type a4j_switch_stacks, @function
a4j_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size a4j_switch_stacks, . - a4j_switch_stacks
)");
extern "C" void a4j_switch_stacks(void** from, void* to);

namespace emulator {

thread_local Place place;
bool reversed = false;

namespace {

constexpr size_t kStackBytes = 256 << 10;
constexpr uint64_t kCanary = 0x5bd1e995cafef00d;

void need(bool holds, const char* what) {
  if (!holds) {
    std::printf("emulator: %s (block %d, %d, %d, thread %d)\n", what, place.block[0],
                place.block[1], place.block[2], place.thread);
    std::fflush(stdout);
    std::abort();
  }
}

struct Copy {
  void* to;
  const void* from;
};

// A barrier: who waits for it goes on when its generation has changed.
struct Barrier {
  unsigned generation = 0;
  int arrived = 0;
};

struct Fibre {
  void* stackPointer;
  const Barrier* waitsFor;
  unsigned generation;
  bool done;
  std::vector<Copy> copies;    // under way, the oldest first
  std::vector<size_t> groups;  // how many of them each closed group holds
  size_t open;                 // how many are in none yet
};

struct Warp {
  Barrier barrier;
  Compute compute;
  void* lanes[32];
};

// A thread of the processor, with the block that it runs.
struct Worker {
  std::unique_ptr<char[]> stacks;
  std::unique_ptr<char[]> shared;
  long sharedBytes;
  double scratch[32];
  std::vector<Fibre> fibres;
  std::vector<Warp> warps;
  Barrier barrier;
  void* stackPointer;
  const std::function<void()>* kernel;
};

thread_local Worker worker;

Fibre& current() { return worker.fibres[static_cast<size_t>(place.thread)]; }

void waitFor(const Barrier& barrier, unsigned generation) {
  Fibre& fibre = current();
  fibre.waitsFor = &barrier;
  fibre.generation = generation;
  a4j_switch_stacks(&fibre.stackPointer, worker.stackPointer);
}

// Never returns: what is left on its stack must not stay poisoned.
__attribute__((no_sanitize("address"))) void fibreMain() {
  (*worker.kernel)();
  Fibre& fibre = current();
  fibre.done = true;
  a4j_switch_stacks(&fibre.stackPointer, worker.stackPointer);
  std::abort();
}

bool runs(const Fibre& fibre) {
  return !fibre.done &&
         (fibre.waitsFor == nullptr || fibre.waitsFor->generation != fibre.generation);
}

// Runs the threads of a warp as far as they come; whether any came further.
bool runWarp(int first, int count) {
  bool further = false;
  for (bool any = true; any;) {
    any = false;
    for (int i = 0; i < count; i++) {
      const int thread = first + (reversed ? count - 1 - i : i);
      Fibre& fibre = worker.fibres[static_cast<size_t>(thread)];
      if (runs(fibre)) {
        place.thread = thread;
        a4j_switch_stacks(&worker.stackPointer, fibre.stackPointer);
        any = true;
        further = true;
      }
    }
  }
  return further;
}

void runBlock() {
  const int threads = place.threads;
  const int warps = (threads + 31) / 32;
  std::memset(worker.shared.get(), 0xff, static_cast<size_t>(worker.sharedBytes));
  std::memset(worker.scratch, 0xff, sizeof worker.scratch);
  worker.fibres.resize(static_cast<size_t>(threads));
  worker.warps.assign(static_cast<size_t>(warps), Warp());
  worker.barrier = Barrier();
  for (int i = 0; i < threads; i++) {
    char* stack = worker.stacks.get() + static_cast<size_t>(i) * kStackBytes;
    std::memcpy(stack, &kCanary, sizeof kCanary);
    // The six registers, where to go on, and a place that keeps the stack aligned as after a call.
    auto* top = reinterpret_cast<void**>(stack + kStackBytes - 64);
    std::memset(static_cast<void*>(top), 0, 64);
    top[6] = reinterpret_cast<void*>(&fibreMain);
    Fibre& fibre = worker.fibres[static_cast<size_t>(i)];
    fibre.stackPointer = top;
    fibre.waitsFor = nullptr;
    fibre.done = false;
    fibre.copies.clear();
    fibre.groups.clear();
    fibre.open = 0;
  }
  for (bool further = true; further;) {
    further = false;
    for (int i = 0; i < warps; i++) {
      const int warp = reversed ? warps - 1 - i : i;
      const int count = threads - warp * 32 < 32 ? threads - warp * 32 : 32;
      further |= runWarp(warp * 32, count);
    }
  }
  for (int i = 0; i < threads; i++) {
    place.thread = i;
    need(worker.fibres[static_cast<size_t>(i)].done, "waits for threads that never come");
    need(std::memcmp(worker.stacks.get() + static_cast<size_t>(i) * kStackBytes, &kCanary,
                     sizeof kCanary) == 0,
         "stack overflow");
  }
}

}  // namespace

void launch(int x, int y, int z, int threads, long sharedBytes,
            const std::function<void()>& kernel) {
  std::atomic<int> next{0};
  auto run = [&] {
    place.threads = threads;
    place.grid[0] = x;
    place.grid[1] = y;
    place.grid[2] = z;
    // Aligned to 16 and no longer than asked for.
    worker.shared.reset(new char[static_cast<size_t>(sharedBytes)]);
    worker.stacks.reset(new char[static_cast<size_t>(threads) * kStackBytes]);
    worker.sharedBytes = sharedBytes;
    worker.kernel = &kernel;
    for (int i = next++; i < x * y * z; i = next++) {
      const int block = reversed ? x * y * z - 1 - i : i;
      place.block[0] = block % x;
      place.block[1] = block / x % y;
      place.block[2] = block / x / y;
      runBlock();
    }
  };
  if (x * y * z == 1) {
    run();
    return;
  }
  std::thread other(run);
  run();
  other.join();
}

char* sharedMemory() { return worker.shared.get(); }

double* blockScratch() { return worker.scratch; }

void checkShared(const void* from, int bytes) {
  const auto* at = static_cast<const char*>(from);
  need(at >= worker.shared.get() && at + bytes <= worker.shared.get() + worker.sharedBytes,
       "outside of shared memory");
  need((at - worker.shared.get()) % 16 == 0, "an address that is not a multiple of 16");
}

void syncThreads() {
  const unsigned generation = worker.barrier.generation;
  if (++worker.barrier.arrived == place.threads) {
    worker.barrier.arrived = 0;
    worker.barrier.generation++;
  } else {
    waitFor(worker.barrier, generation);
  }
}

void together(Compute compute, void* mine) {
  Warp& warp = worker.warps[static_cast<size_t>(place.thread / 32)];
  need(warp.barrier.arrived == 0 || warp.compute == compute, "lanes that do not do the same");
  warp.compute = compute;
  warp.lanes[place.thread % 32] = mine;
  const unsigned generation = warp.barrier.generation;
  if (++warp.barrier.arrived == 32) {
    compute(warp.lanes);
    warp.barrier.arrived = 0;
    warp.barrier.generation++;
  } else {
    waitFor(warp.barrier, generation);
  }
}

void copyAsync(void* to, const void* from) {
  checkShared(to, 16);
  need(reinterpret_cast<uintptr_t>(from) % 16 == 0, "a copy from an address not a multiple of 16");
  current().copies.push_back({to, from});
  current().open++;
}

void commitCopies() {
  Fibre& fibre = current();
  fibre.groups.push_back(fibre.open);
  fibre.open = 0;
}

void waitForCopies(int pending) {
  Fibre& fibre = current();
  while (fibre.groups.size() > static_cast<size_t>(pending)) {
    const auto end = fibre.copies.begin() + static_cast<std::ptrdiff_t>(fibre.groups.front());
    for (auto copy = fibre.copies.begin(); copy != end; ++copy) {
      std::memcpy(copy->to, copy->from, 16);
    }
    fibre.copies.erase(fibre.copies.begin(), end);
    fibre.groups.erase(fibre.groups.begin());
  }
}

}  // namespace emulator
