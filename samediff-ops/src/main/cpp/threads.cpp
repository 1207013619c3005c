#include "threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "scratch.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace a4j {
namespace {

// How long a thread looks for work before it sleeps: the next phase of a call follows within
// microseconds, the next op of a step within tens of them.
constexpr int kSpins = 4000;

// A phase of work, shared by all threads until none of them holds it.
struct Phase {
  int64_t count = 0;
  Task task = nullptr;
  void* context = nullptr;
  std::atomic<int64_t> next{0};
  std::atomic<int> working{0};

  void work(int worker) {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      task(context, i, worker);
    }
  }
};

class Pool {
 public:
  ~Pool() { stop(); }

  int size() const { return static_cast<int>(helpers_.size()) + 1; }
  bool sized() const { return sized_; }

  // Makes as many threads as the system grants.
  void resize(int threads) {
    stop();
    stopping_ = false;
    sized_ = true;
    try {
      for (int worker = 1; worker < threads; worker++) {
        helpers_.emplace_back([this, worker, seen = generation_.load()] { help(worker, seen); });
      }
    } catch (const std::system_error&) {
      // Fewer compute the same.
    }
  }

  void run(int64_t count, Task task, void* context) {
    if (count <= 1 || helpers_.empty()) {
      for (int64_t i = 0; i < count; i++) {
        task(context, i, 0);
      }
      return;
    }
    phase_.count = count;
    phase_.task = task;
    phase_.context = context;
    phase_.next.store(0, std::memory_order_relaxed);
    phase_.working.store(static_cast<int>(helpers_.size()), std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    phase_.work(0);
    for (int spins = 0; phase_.working.load(std::memory_order_acquire) > 0; spins++) {
      relax(spins);
    }
  }

 private:
  void help(int worker, uint64_t seen) {
    for (;;) {
      for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen;
           spins++) {
        relax(spins);
      }
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) {
        return;
      }
      phase_.work(worker);
      phase_.working.fetch_sub(1, std::memory_order_release);
    }
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& helper : helpers_) {
      helper.join();
    }
    helpers_.clear();
  }

  std::vector<std::thread> helpers_;
  bool sized_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  bool stopping_ = false;  // written before generation_, read after it
  Phase phase_;
};

// Blocks of memory that grow to what the largest call needed. Never freed and never destroyed: the
// process may end while a helper still runs.
class Arena {
 public:
  void* take(size_t bytes) {
    bytes = (bytes + 63) & ~size_t{63};
    most_ = std::max(most_, used_ + overflowed_ + bytes);
    if (used_ + bytes > capacity_) {
      overflow_.push_back({allocate(bytes), bytes});
      overflowed_ += bytes;
      return overflow_.back().data;
    }
    void* taken = base_ + used_;
    used_ += bytes;
    return taken;
  }

  size_t used() const { return used_; }
  size_t overflows() const { return overflow_.size(); }

  // Goes back to where used() and overflows() were these.
  void rewind(size_t used, size_t overflows) {
    used_ = used;
    while (overflow_.size() > overflows) {
      overflowed_ -= overflow_.back().bytes;
      std::free(overflow_.back().data);
      overflow_.pop_back();
    }
  }

  // Before a call: one block as large as the most that a call before had taken at once.
  void reset() {
    rewind(0, 0);
    if (most_ > capacity_) {
      std::free(base_);
      base_ = nullptr;
      capacity_ = 0;
      base_ = static_cast<char*>(allocate(most_));
      capacity_ = most_;
    }
  }

 private:
  static void* allocate(size_t bytes) {
    void* block = std::aligned_alloc(64, (bytes + 63) & ~size_t{63});
    if (block == nullptr) {
      throw OutOfMemory();
    }
    return block;
  }

  char* base_ = nullptr;
  size_t capacity_ = 0;
  size_t used_ = 0;
  struct Block {
    void* data;
    size_t bytes;
  };
  std::vector<Block> overflow_;
  size_t overflowed_ = 0;
  size_t most_ = 0;
};

struct Engine {
  std::mutex calls;
  Pool pool;
  Arena arena;

  // Threads start with the first call, unless somebody said before how many.
  void start() {
    if (!pool.sized()) {
      pool.resize(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    }
  }
};

Engine& engine() {
  static Engine* instance = new Engine();
  return *instance;
}

}  // namespace

int threads() { return engine().pool.size(); }

void setThreads(int count) {
  Engine& e = engine();
  std::lock_guard<std::mutex> lock(e.calls);
  if (!e.pool.sized() || count != e.pool.size()) {
    e.pool.resize(count);
  }
}

Call::Call() {
  engine().calls.lock();
  try {
    engine().start();
    engine().arena.reset();
  } catch (...) {
    engine().calls.unlock();
    throw;
  }
}

Call::~Call() { engine().calls.unlock(); }

void parallel(int64_t count, Task task, void* context) { engine().pool.run(count, task, context); }

void relax(int spins) {
  if (spins >= kSpins) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

void* scratch(size_t bytes) { return engine().arena.take(bytes); }

ScratchScope::ScratchScope()
    : used_(engine().arena.used()), overflows_(engine().arena.overflows()) {}

ScratchScope::~ScratchScope() { engine().arena.rewind(used_, overflows_); }

}  // namespace a4j
