// Scratch memory of a call, kept from call to call: fresh pages for every call cost more than a
// small attention itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace a4j {

// Thrown where the system has no memory left; the entry points turn it into a status.
struct OutOfMemory {};

// Returns memory aligned to 64 bytes with arbitrary contents that lives until the end of the Call.
// For the calling thread alone, not inside tasks; loops over portions take theirs once.
void* scratch(size_t bytes);

// What is taken while it lives can be taken again after it.
class ScratchScope {
 public:
  ScratchScope();
  ~ScratchScope();
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  size_t used_;
  size_t overflows_;
};

// Static: instruction sets must not share its code, see kernels.h.
template <class T>
static T* scratchOf(int64_t count) {
  return static_cast<T*>(scratch(static_cast<size_t>(count) * sizeof(T)));
}

}  // namespace a4j
